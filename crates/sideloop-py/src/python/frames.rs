//! Where all threads are.

use pyo3::ffi;
use pyo3::prelude::*;

/// What `sys._current_frames()` returns: the innermost frame of each thread, by its ident.
///
/// CPython holds a lock of its own meanwhile, and makes objects, for which the collector may come; what that finds may
/// take the same lock (a `threading.local` does) and wait for ever: seen on CPython 3.11. So it may not come.
///
/// # Errors
/// `MemoryError`.
#[pyfunction]
pub(crate) fn current_frames(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let ask = py.import("sys")?.getattr("_current_frames")?;
    if cfg!(Py_GIL_DISABLED) {
        // It stops all threads there, and the collector comes at no object's making.
        return ask.call0();
    }
    // SAFETY: attached. No other thread runs Python code before it is as it was.
    let was_enabled = unsafe { ffi::PyGC_Disable() } != 0;
    let frames = ask.call0();
    if was_enabled {
        // SAFETY: attached.
        unsafe { ffi::PyGC_Enable() };
    }
    frames
}
