//! A block that one thread at a time may be inside of.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A context manager that refuses whoever comes while another one is inside.
///
/// A `with` statement enters and leaves it without Python code, in which a signal handler could raise and leave
/// it taken for ever.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct OneAtATime {
    message: String,
    taken: AtomicBool,
}

#[pymethods]
impl OneAtATime {
    #[new]
    fn new(message: String) -> Self {
        Self { message, taken: AtomicBool::new(false) }
    }

    fn __enter__(&self) -> PyResult<()> {
        // ORDERING: Acquire, with the Release of who left before: it sees what that one has done.
        if self.taken.swap(true, Ordering::Acquire) {
            return Err(PyValueError::new_err(self.message.clone()));
        }
        Ok(())
    }

    fn __exit__(
        &self,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        // ORDERING: Release: see `__enter__`.
        self.taken.store(false, Ordering::Release);
    }
}
