//! Calls made during an import: see `sideloop._loops.importing`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::model::RunnerCore;

/// The locks of the modules that are being imported, by name: `_module_locks` of importlib.
static MODULE_LOCKS: PyOnceLock<Option<Py<PyDict>>> = PyOnceLock::new();

/// Look up what `Wait::begin` needs. Where importlib has no such dictionary, no import is seen.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let found = py.import("_frozen_importlib")?.getattr_opt("_module_locks")?;
    let _ = MODULE_LOCKS.set(py, found.and_then(|locks| Some(locks.cast_into().ok()?.unbind())));
    Ok(())
}

/// A caller's wait, entered where importlib looks for deadlocks, until its `end`.
#[must_use = "importlib would go on to count with it"]
pub(super) struct Wait<'py>(Bound<'py, PyAny>);

impl<'py> Wait<'py> {
    /// Enter that this thread waits for the runner's loop thread, if some thread imports a module now.
    ///
    /// # Errors
    /// What importing `sideloop._loops.importing` raises.
    pub(super) fn begin(runner: &Bound<'py, RunnerCore>) -> PyResult<Option<Self>> {
        let py = runner.py();
        let locks = MODULE_LOCKS.get(py).and_then(Option::as_ref);
        if locks.is_none_or(|locks| locks.bind(py).is_empty()) {
            return Ok(None);
        }
        let wait = py.import("sideloop._loops.importing")?.getattr("Wait")?.call1((runner,))?;
        Ok(Some(Self(wait)))
    }

    /// The wait is over.
    ///
    /// # Errors
    /// What a signal handler raises meanwhile.
    pub(super) fn end(self) -> PyResult<()> {
        self.0.call_method0("end").map(drop)
    }
}
