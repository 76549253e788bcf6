//! A block that one thread at a time may be inside of.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyTraverseError, PyVisit};
use sideloop_core::generation;

use super::errors::call_name;

/// A context manager that refuses whoever comes while another one is inside.
///
/// A `with` statement enters and leaves it without Python code, in which a signal handler could raise and leave
/// it taken for ever.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct OneAtATime {
    of: Py<PyAny>,
    refusal: Py<PyString>,
    /// 0 if nobody is inside; else one more than the fork generation of who is: in a fork's child that one is not there.
    taken: AtomicU64,
}

#[pymethods]
impl OneAtATime {
    /// `of` is what the refusal names.
    #[new]
    fn new(of: Py<PyAny>, refusal: Py<PyString>) -> Self {
        Self { of, refusal, taken: AtomicU64::new(0) }
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<()> {
        // ORDERING: Acquire, with the Release of who left before: it sees what that one has done.
        let taken = u64::from(generation::current()) + 1;
        if self.taken.swap(taken, Ordering::Acquire) == taken {
            let (name, refusal) = (call_name(self.of.bind(py)), self.refusal.bind(py));
            return Err(PyValueError::new_err(format!("{name} {refusal}")));
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
        self.taken.store(0, Ordering::Release);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.of)
    }
}
