//! State that only attached threads touch.
//!
//! The interpreter lock, which the module declares it needs, is lock enough for it. A lock of its own would cost a
//! callback a twentieth of its time, four times over (`benches/loop.py`).

use std::cell::RefCell;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// Refuse an interpreter that was told to run without its lock, whatever modules declare.
///
/// # Errors
/// `ImportError` that says so.
pub(crate) fn check_interpreter_lock(py: Python<'_>) -> PyResult<()> {
    let flag = py.import("sys")?.getattr("flags")?.getattr_opt("gil")?;
    match flag.map(|flag| flag.extract::<u32>()) {
        Some(Ok(0)) => Err(PyImportError::new_err(
            "sideloop needs the interpreter lock: start Python without -X gil=0 and PYTHON_GIL=0",
        )),
        _ => Ok(()),
    }
}

/// State for whoever is attached.
#[derive(Default)]
pub(crate) struct Attached<T>(RefCell<T>);

// SAFETY: `with` asks for the proof that the calling thread is attached, one thread is at a time, and none
// lets go of the interpreter in between: what `inside` does is short and runs no Python code.
unsafe impl<T: Send> Sync for Attached<T> {}

impl<T> Attached<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(RefCell::new(state))
    }

    /// Look at the state, or change it. `inside` runs no Python code and drops no Python object, which would:
    /// such code may come back here.
    pub(crate) fn with<R>(&self, _: Python<'_>, inside: impl FnOnce(&mut T) -> R) -> R {
        inside(&mut self.0.borrow_mut())
    }

    /// For the collector, which is attached, and visits without taking part.
    pub(crate) fn traverse<R>(&self, visit: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.try_borrow().ok().map(|state| visit(&state))
    }
}
