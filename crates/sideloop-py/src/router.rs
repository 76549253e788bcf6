//! The hot half of a manager: finds the runner that serves the caller, and runs the call there.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::check_not_finalizing;
use crate::names::names;
use crate::runner::RunnerCore;
use crate::running::Run;
use crate::task::check_async_fn;

/// Runs calls on the runner that serves the caller.
///
/// `Router(slot, serve)`: the attribute `core` of `slot` is the `RunnerCore` that served last (a
/// `threading.local` gives each thread its own); `serve(async_fn)` finds, or makes and starts, one that
/// takes calls.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Router {
    slot: Py<PyAny>,
    serve: Py<PyAny>,
}

#[pymethods]
impl Router {
    #[new]
    fn new(slot: Py<PyAny>, serve: Py<PyAny>) -> Self {
        Self { slot, serve }
    }

    /// Run a call to its end: `async_fn(*args, **kwargs)` on a loop thread. Blocks, detached.
    ///
    /// A call whose runner went away before the user's function was called goes to another.
    fn run(
        &self,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        check_async_fn(async_fn)?;
        loop {
            let core = self.runner(async_fn)?;
            match RunnerCore::run(&core, async_fn, args, kwargs)? {
                Run::Value(value) => return Ok(value),
                Run::NotStarted => {}
            }
        }
    }

    fn __traverse__(&self, visit: pyo3::gc::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.slot)?;
        visit.call(&self.serve)
    }
}

impl Router {
    /// The runner that serves the calling thread, and takes calls.
    pub(crate) fn runner<'py>(
        &self,
        async_fn: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, RunnerCore>> {
        let py = async_fn.py();
        if let Some(core) = self.slot.bind(py).getattr_opt(names(py).core.bind(py))? {
            let core = core.cast_into::<RunnerCore>()?;
            if core.get().entry.accepts() && !core.get().driving() {
                return Ok(core);
            }
        }
        check_not_finalizing(async_fn)?;
        Ok(self.serve.bind(py).call1((async_fn,))?.cast_into::<RunnerCore>()?)
    }
}
