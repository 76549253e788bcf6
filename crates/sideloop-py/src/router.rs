//! The hot half of a manager: finds the runner that serves the caller, and runs the call there.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::check_not_finalizing;
use crate::host::Host;
use crate::names::names;
use crate::runner::RunnerCore;
use crate::running::Run;
use crate::task::check_async_fn;

/// Runs calls on the runner that serves the caller.
///
/// `Router(slot, serve, brings_back)`: the attribute `core` of `slot` is the `RunnerCore` that served last (a
/// `threading.local` gives each thread its own); `serve(async_fn)` finds, or makes and starts, one that
/// takes calls; `brings_back` says that changes of context variables are brought back to the caller.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Router {
    slot: Py<PyAny>,
    serve: Py<PyAny>,
    pub(crate) variables: Variables,
}

/// What becomes of the changes that a call makes to context variables.
#[derive(Clone, Copy)]
pub(crate) enum Variables {
    /// Its copy of the context is dropped.
    Copied,
    /// They are set in the caller's context.
    BroughtBack,
}

#[pymethods]
impl Router {
    #[new]
    #[pyo3(signature = (slot, serve, brings_back = false))]
    fn new(slot: Py<PyAny>, serve: Py<PyAny>, brings_back: bool) -> Self {
        let variables = if brings_back { Variables::BroughtBack } else { Variables::Copied };
        Self { slot, serve, variables }
    }

    /// Run a call to its end: `async_fn(*args, **kwargs)` on a loop thread. Blocks, detached.
    ///
    /// A call whose runner went away before the user's function was called goes to another.
    fn run(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        check_async_fn(async_fn)?;
        match slf.get().variables {
            Variables::Copied => {}
            // A step of a host knows the context that it has run in.
            Variables::BroughtBack => return Host::run_alone(slf, async_fn, args, kwargs),
        }
        loop {
            let core = slf.get().runner(async_fn)?;
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
