//! Which interpreter of the process this is.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

const NOBODY: i64 = -1;

/// Refuse any interpreter but the first that asks: what is kept in statics, among it the extension's classes, is that
/// one's, and another may outlive it. An interpreter with a lock of its own is refused by CPython before that.
///
/// # Errors
/// ImportError: This is not the first.
pub(crate) fn check_only_one(py: Python<'_>) -> PyResult<()> {
    static FIRST: AtomicI64 = AtomicI64::new(NOBODY);
    // SAFETY: both want an attached thread, which `py` shows.
    let own = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if own == NOBODY {
        return Err(PyErr::fetch(py));
    }
    // ORDERING: Relaxed: only that one is the first.
    match FIRST.compare_exchange(NOBODY, own, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != own => Err(PyImportError::new_err(format!(
            "sideloop serves one interpreter of a process, and interpreter {first} has imported it: interpreter {own} \
             cannot; use a thread of that one, or a process"
        ))),
        _ => Ok(()),
    }
}
