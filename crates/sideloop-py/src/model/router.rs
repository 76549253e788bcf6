//! The router: the hot half of a manager, or of a runner.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

/// Runs calls on the runner that serves the caller.
///
/// `Router(slot, serve, brings_back)`: the attribute `core` of `slot` is the `RunnerCore` that served last (a
/// `threading.local` gives each thread its own); `serve(async_fn)` finds, or makes and starts, one that
/// takes calls; `brings_back` says that changes of context variables are brought back to the caller; all calls run in
/// `context`, if there is one.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Router {
    pub(crate) slot: Py<PyAny>,
    pub(crate) serve: Py<PyAny>,
    pub(crate) variables: Variables,
}

/// What becomes of the changes that a call makes to context variables.
pub(crate) enum Variables {
    /// Its copy of the context is dropped.
    Copied,
    /// They are set in the caller's context.
    BroughtBack,
    /// They stay in this context, in which all calls run.
    Kept(Py<PyAny>),
}

#[pymethods]
impl Router {
    #[new]
    #[pyo3(signature = (slot, serve, brings_back = false, context = None))]
    fn new(
        slot: Py<PyAny>,
        serve: Py<PyAny>,
        brings_back: bool,
        context: Option<Py<PyAny>>,
    ) -> Self {
        let variables = match context {
            Some(context) => Variables::Kept(context),
            None if brings_back => Variables::BroughtBack,
            None => Variables::Copied,
        };
        Self { slot, serve, variables }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.slot)?;
        if let Variables::Kept(context) = &self.variables {
            visit.call(context)?;
        }
        visit.call(&self.serve)
    }
}
