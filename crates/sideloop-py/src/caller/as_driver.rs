//! Who turns or ends a loop that its caller drives: one at a time, all others come from inside of that.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::model::{Drive, Driver, RunnerCore};

/// `with AsDriver(core) as mine` around what turns or ends its loop: `mine` says whether nobody does so already. Who
/// does acts on what others ask for meanwhile.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct AsDriver {
    core: Py<RunnerCore>,
    // ORDERING: Relaxed: read and written attached.
    mine: AtomicBool,
}

impl AsDriver {
    fn driver(&self) -> Option<&Driver> {
        match &self.core.get().drive {
            Drive::Caller(driver) => Some(driver),
            Drive::Thread | Drive::Other(_) => None,
        }
    }
}

#[pymethods]
impl AsDriver {
    #[new]
    fn new(core: Py<RunnerCore>) -> Self {
        Self { core, mine: AtomicBool::new(false) }
    }

    fn __enter__(&self) -> bool {
        let mine = self.driver().is_some_and(Driver::begin_driving);
        self.mine.store(mine, Ordering::Relaxed);
        mine
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, PyTuple>) {
        if self.mine.swap(false, Ordering::Relaxed)
            && let Some(driver) = self.driver()
        {
            driver.end_driving();
        }
    }
}

/// Have a loop unwind and close that the calling thread drives, if it is to end and nobody is inside of it. Another
/// thread has asked for that, and could not turn it.
///
/// # Errors
/// What unwinding raises: an exit of what is left there, or a signal handler's exception.
pub(crate) fn end_own(py: Python<'_>, core: &RunnerCore) -> PyResult<()> {
    match &core.drive {
        Drive::Caller(driver)
            if driver.is_mine()
                && !driver.is_driving()
                && core.entry.is_stopping()
                && !core.entry.is_orphaned() =>
        {
            driver.end.call1(py, (py.None(),)).map(drop)
        }
        Drive::Thread | Drive::Caller(_) | Drive::Other(_) => Ok(()),
    }
}

#[pymethods]
impl RunnerCore {
    /// As `end_own`, for the Python side.
    #[pyo3(name = "end_own")]
    fn end_own_from_python(&self, py: Python<'_>) -> PyResult<()> {
        end_own(py, self)
    }
}
