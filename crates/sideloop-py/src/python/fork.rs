//! Know a fork's child, also one that C code made without running Python's at-fork hooks.

use pyo3::prelude::*;

/// Advance the generation in each child that this process, or a child of it, will have.
pub(crate) fn watch() -> PyResult<()> {
    extern "C" fn advance() {
        sideloop_core::generation::advance();
    }

    // SAFETY: an atomic addition.
    unsafe { in_child(advance) }
}

/// Have `handler` run in each of those children.
///
/// # Safety
/// It is async-signal-safe, as atomic additions and stores are.
#[cfg(unix)]
pub(crate) unsafe fn in_child(handler: extern "C" fn()) -> PyResult<()> {
    use pyo3::exceptions::PyMemoryError;

    // SAFETY:
    // - `handler` is async-signal-safe, by the caller's word;
    // - it stays valid: CPython never unloads an extension module.
    match unsafe { libc::pthread_atfork(None, None, Some(handler)) } {
        0 => Ok(()),
        _ => Err(PyMemoryError::new_err("no memory to register sideloop's handler for forks")),
    }
}

/// There is no fork here.
///
/// # Safety
/// None is asked for.
#[cfg(not(unix))]
pub(crate) unsafe fn in_child(_handler: extern "C" fn()) -> PyResult<()> {
    Ok(())
}

/// The fork generation of this process: grows by one in each child.
#[pyfunction]
pub(crate) fn generation() -> u32 {
    sideloop_core::generation::current()
}
