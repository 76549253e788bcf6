//! Contexts and their variables: entered where the user's function runs.
//!
//! Before CPython 3.12 the collector runs in the midst of an allocation. A finalizer that it calls may set a variable,
//! as each `sideloop.timeout` does, and so replace what the context has: which the C function that has allocated still
//! uses, without a reference. To copy a context, or to set a variable, then reads what is freed
//! (`tests/programs/collected.py` has CPython's own do so). Ours do not collect meanwhile.

use pyo3::ffi;
use pyo3::prelude::*;

use super::version;

/// A copy of the calling thread's current `contextvars.Context`.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn copy_current(py: Python<'_>) -> PyResult<Py<PyAny>> {
    // SAFETY: attached; the function returns a new reference, or null with an exception set.
    let copy = uncollected(py, || unsafe { ffi::PyContext_CopyCurrent() });
    // SAFETY: as above.
    unsafe { Bound::from_owned_ptr_or_err(py, copy) }.map(Bound::unbind)
}

/// What a variable has in the current context: None also if it has neither a value nor a default.
///
/// # Errors
/// `TypeError` if it is no `ContextVar`.
pub(crate) fn get<'py>(variable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = variable.py();
    let mut found = std::ptr::null_mut();
    // SAFETY: attached, and the function checks what it is given; on success `found` is a new reference, or
    // null if there is neither a value nor a default.
    let value = unsafe {
        if ffi::PyContextVar_Get(variable.as_ptr(), std::ptr::null_mut(), &raw mut found) != 0 {
            return Err(PyErr::fetch(py));
        }
        Bound::from_owned_ptr_or_opt(py, found)
    };
    Ok(value.filter(|value| !value.is_none()))
}

/// Set a variable in the current context.
///
/// # Errors
/// `TypeError` if it is no `ContextVar`, and `MemoryError`.
pub(crate) fn set(variable: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let py = variable.py();
    let value = value.map_or_else(|| py.None().into_bound(py), Bound::clone);
    // What the context has had is dropped when it has the new value, and no user code runs in between.
    let before = if version::is_at_least(py, 12) { None } else { Some(copy_current(py)?) };
    // SAFETY: attached, and the function checks what it is given; it returns a new reference, the token, or null
    // with an exception set.
    let token =
        uncollected(py, || unsafe { ffi::PyContextVar_Set(variable.as_ptr(), value.as_ptr()) });
    drop(before);
    // SAFETY: as above.
    unsafe { Bound::from_owned_ptr_or_err(py, token) }.map(drop)
}

/// Do this without the collector, where it may run in the midst of it. `inside` runs no Python code.
fn uncollected<T>(py: Python<'_>, inside: impl FnOnce() -> T) -> T {
    if version::is_at_least(py, 12) {
        return inside();
    }
    // SAFETY: attached, and so for both: nobody else sees the switch turned.
    let is_on = unsafe { ffi::PyGC_Disable() } != 0;
    let done = inside();
    if is_on {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    done
}

/// Whether this is a `contextvars.Context`.
pub(crate) fn is_context(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; the check reads the object's type.
    unsafe { ffi::PyContext_CheckExact(object.as_ptr()) != 0 }
}

/// Whether this is a `contextvars.ContextVar`.
pub(crate) fn is_variable(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; the check reads the object's type.
    unsafe { ffi::PyContextVar_CheckExact(object.as_ptr()) != 0 }
}

/// Set here what has changed from one context to the other: variables that got another value, but for those
/// that stay as they are.
///
/// # Errors
/// `MemoryError`, and what reading a mapping raises.
pub(crate) fn bring_back(
    before: &Bound<'_, PyAny>,
    after: &Bound<'_, PyAny>,
    stays: impl Fn(&Bound<'_, PyAny>) -> bool,
) -> PyResult<()> {
    for item in after.call_method0("items")?.try_iter()? {
        let (variable, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        if stays(&variable) || before.call_method1("get", (&variable,))?.is(&value) {
            continue;
        }
        set(&variable, Some(&value))?;
    }
    Ok(())
}

/// Run `inside` with `context` as the current one.
///
/// # Errors
/// `RuntimeError` if the context is entered already, and what `inside` returns.
pub(crate) fn enter<T>(
    context: &Bound<'_, PyAny>,
    inside: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    let py = context.py();
    // SAFETY: attached, and `context` was made by `copy_current`, so it is a `Context`.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    let found = inside();
    // SAFETY: as above, and it is the one entered last: `inside` has returned, so whatever it
    // entered it has left.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } != 0 {
        let lost = PyErr::fetch(py);
        return found.and(Err(lost));
    }
    found
}
