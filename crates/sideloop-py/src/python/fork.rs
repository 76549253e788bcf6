//! Know a fork's child, also one that C code made without running Python's at-fork hooks.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use crate::system::fork;

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
/// # Errors
/// MemoryError: There is no memory for it.
///
/// # Safety
/// It is async-signal-safe, as atomic additions and stores are.
pub(crate) unsafe fn in_child(handler: extern "C" fn()) -> PyResult<()> {
    // SAFETY: by the caller's word.
    unsafe { fork::in_child(handler) }
        .map_err(|_| PyMemoryError::new_err("no memory to register sideloop's handler for forks"))
}

/// The fork generation of this process: grows by one in each child.
#[pyfunction]
pub(crate) fn generation() -> u32 {
    sideloop_core::generation::current()
}
