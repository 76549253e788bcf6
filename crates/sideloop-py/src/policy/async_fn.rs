//! What may be run: an async function, and what it may return.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::policy::errors::{Error, name_of};

/// Refuse, before anything is sent, what is no async function.
///
/// # Errors
/// `TypeError` that says what to write instead.
#[pyfunction]
pub(crate) fn check_async_fn(async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    if async_fn.is_callable() {
        return Ok(());
    }
    if is_coroutine(async_fn) {
        let name: String =
            async_fn.getattr("__name__").and_then(|name| name.extract()).unwrap_or_default();
        close_coroutine(async_fn);
        return Err(PyTypeError::new_err(format!(
            "expected an async function, got a coroutine object: write run_sync({name}, ...), with \
             the arguments after the function, instead of run_sync({name}(...))"
        )));
    }
    let class = async_fn.get_type().qualname()?;
    Err(PyTypeError::new_err(format!(
        "expected an async function, got {class}: pass the function and then its arguments, as in \
         run_sync(async_fn, a, b=1)"
    )))
}

/// Refuse what cannot be awaited, saying what it is.
///
/// # Errors
/// `TypeError`.
pub(crate) fn check_awaitable(
    found: &Bound<'_, PyAny>,
    async_fn: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = found.py();
    if py.import("inspect")?.call_method1("isawaitable", (found,))?.is_truthy()? {
        return Ok(());
    }
    Err(not_awaitable(found, async_fn))
}

/// The error for what `async_fn` returned and nobody can await.
pub(crate) fn not_awaitable(found: &Bound<'_, PyAny>, async_fn: &Bound<'_, PyAny>) -> PyErr {
    Error::NotAsync.raise(found.py(), (name_of(async_fn), found))
}

/// Whether this is a coroutine as `async def` makes them.
pub(crate) fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; the check reads the object's type.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Close a coroutine that will never be awaited, so that nobody is warned of it.
pub(crate) fn close_coroutine(awaitable: &Bound<'_, PyAny>) {
    if is_coroutine(awaitable) {
        // One that has not started has nothing to run that could fail.
        let _ = awaitable.call_method0("close");
    }
}
