//! Know a fork's child, also one that C code made without running Python's at-fork hooks.

use pyo3::prelude::*;

/// Advance the generation in each child that this process, or a child of it, will have.
#[cfg(unix)]
pub(crate) fn watch() -> PyResult<()> {
    use pyo3::exceptions::PyMemoryError;

    extern "C" fn in_child() {
        sideloop_core::generation::advance();
        crate::statistics::forget_ended();
    }

    // SAFETY:
    // - `in_child` is async-signal-safe: atomic additions and stores;
    // - it stays valid: CPython never unloads an extension module.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        _ => Err(PyMemoryError::new_err("no memory to register sideloop's handler for forks")),
    }
}

/// There is no fork here.
#[cfg(not(unix))]
pub(crate) fn watch() -> PyResult<()> {
    Ok(())
}

/// The fork generation of this process: grows by one in each child.
#[pyfunction]
pub(crate) fn generation() -> u32 {
    sideloop_core::generation::current()
}
