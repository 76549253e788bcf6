//! An awaitable that its caller has made, on its way to the loop that awaits it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::python::attached::Attached;
use crate::python::coroutine::is_coroutine;

/// An async function that gives its awaitable away, once, for a call that may never begin.
///
/// Whatever becomes of the call, the awaitable is either the loop's or still here: then `close` closes it, so that
/// nobody is warned of a coroutine that was never awaited.
#[pyclass(frozen, subclass, generic, module = "sideloop._sideloop")]
pub(crate) struct Handed {
    /// Messages name the call by it.
    func: Py<PyAny>,
    kept: Attached<Option<Py<PyAny>>>,
}

#[pymethods]
impl Handed {
    /// # Errors
    /// `TypeError` if it cannot be awaited, saying what to write.
    #[new]
    #[pyo3(signature = (awaitable, func = None))]
    fn new(awaitable: Bound<'_, PyAny>, func: Option<Py<PyAny>>) -> PyResult<Self> {
        let py = awaitable.py();
        if !is_coroutine(&awaitable) {
            rare(py, "check_awaitable", &awaitable)?;
        }
        let func = func.unwrap_or_else(|| awaitable.clone().unbind());
        Ok(Self { func, kept: Attached::new(Some(awaitable.unbind())) })
    }

    /// Give it away: on the loop thread.
    ///
    /// # Errors
    /// `RuntimeError` if it is a future of another loop, or was given away before.
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(awaitable) = self.take(py) else {
            let name = self.__repr__(py)?;
            return Err(PyRuntimeError::new_err(format!("{name} is awaited already")));
        };
        if !is_coroutine(&awaitable) {
            rare(py, "check_of_running", &awaitable)?;
        }
        Ok(awaitable)
    }

    /// The call is over, or was refused.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.take(py).map_or(Ok(()), |awaitable| rare(py, "close", &awaitable))
    }

    #[getter]
    fn func(&self, py: Python<'_>) -> Py<PyAny> {
        self.func.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.func.bind(py).repr().map(|repr| repr.to_string())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.func)?;
        self.kept.traverse(|kept| visit.call(kept)).unwrap_or(Ok(()))
    }
}

impl Handed {
    fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.kept.with(py, Option::take).map(|kept| kept.into_bound(py))
    }
}

/// What is seldom to be done, of `sideloop._runners.handed`.
fn rare(py: Python<'_>, what: &str, awaitable: &Bound<'_, PyAny>) -> PyResult<()> {
    py.import("sideloop._runners.handed")?.call_method1(what, (awaitable,)).map(drop)
}
