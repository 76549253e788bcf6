//! A callback that does what it is for, whatever interrupts it.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::interrupt::{TRIES, Whose, whose_signal};

/// `Insist(act)`: calls `act()` until no signal handler has interrupted it.
///
/// A loop passes over what a handler raises in a callback. So one that ends a wait is called by this: else nobody would.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Insist(Py<PyAny>);

#[pymethods]
impl Insist {
    #[new]
    fn new(act: Py<PyAny>) -> Self {
        Self(act)
    }

    /// # Errors
    /// What `act` raises, with what has interrupted it before as its cause; or else that.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let mut interrupted = Ok(());
        for _ in 0..TRIES {
            match self.0.call0(py) {
                Ok(_) => break,
                Err(error) => match whose_signal(py, error) {
                    Whose::Interrupts(error) => interrupted = interrupted.and(Err(error)),
                    Whose::Codes(error) => {
                        if let Err(before) = interrupted {
                            error.set_cause(py, Some(before));
                        }
                        return Err(error);
                    }
                },
            }
        }
        interrupted
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.0.bind(py).repr().map(|repr| repr.to_string())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
