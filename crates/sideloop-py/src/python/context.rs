//! The caller's context: copied when a call is made, entered where the user's function runs.

use pyo3::ffi;
use pyo3::prelude::*;

/// A copy of the calling thread's current `contextvars.Context`.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn copy_current(py: Python<'_>) -> PyResult<Py<PyAny>> {
    // SAFETY: attached; the function returns a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()) }.map(Bound::unbind)
}

/// Whether this is a `contextvars.Context`.
pub(crate) fn is_context(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; the check reads the object's type.
    unsafe { ffi::PyContext_CheckExact(object.as_ptr()) != 0 }
}

/// Set here what has changed from one context to the other: variables that got another value. `own` is left
/// as it is.
///
/// # Errors
/// `MemoryError`, and what reading a mapping raises.
pub(crate) fn bring_back(
    before: &Bound<'_, PyAny>,
    after: &Bound<'_, PyAny>,
    own: &Bound<'_, PyAny>,
) -> PyResult<()> {
    for item in after.call_method0("items")?.try_iter()? {
        let (variable, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        if variable.is(own) || before.call_method1("get", (&variable,))?.is(&value) {
            continue;
        }
        variable.call_method1("set", (value,))?;
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
