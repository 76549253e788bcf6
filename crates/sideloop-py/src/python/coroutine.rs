//! Coroutines, as `async def` makes them.

use pyo3::ffi;
use pyo3::prelude::*;

use super::names::names;

/// Whether this is a coroutine as `async def` makes them.
pub(crate) fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; the check reads the object's type.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Close a coroutine that will never be awaited, so that nobody is warned of it.
pub(crate) fn close_coroutine(awaitable: &Bound<'_, PyAny>) {
    let py = awaitable.py();
    if is_coroutine(awaitable) {
        // One that has not started has nothing to run that could fail.
        let _ = awaitable.call_method0(names(py).close.bind(py));
    }
}
