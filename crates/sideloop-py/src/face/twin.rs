//! Call the sync twin of an async function: run it, with what is passed and returned translated.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::router::run_for;
use crate::model::Router;
use crate::python::dictionary;
use crate::python::names::names;
use crate::translate::PlainClasses;

/// The hot half of the twin of an async function; the base of `sideloop`'s `SyncFunction`.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct TwinFunction {
    /// What it is the twin of. Not `__wrapped__`: who follows that takes the twin for async.
    #[pyo3(get, name = "__sideloop_async_fn__")]
    async_fn: Py<PyAny>,
    /// Who translates for it.
    #[pyo3(get, name = "__sideloop_translator__")]
    translator: Py<PyAny>,
    /// Where its calls run.
    router: Py<Router>,
}

#[pymethods]
impl TwinFunction {
    #[new]
    fn new(translator: &Bound<'_, PyAny>, async_fn: Py<PyAny>) -> PyResult<Self> {
        let router = translator.getattr(names(translator.py()).router.bind(translator.py()))?;
        let router = router.cast_into()?.unbind();
        Ok(Self { async_fn, translator: translator.clone().unbind(), router })
    }

    /// Run a call to its end. Blocks, detached.
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let plain = PlainClasses::new(py);
        let (router, async_fn) = (this.router.bind(py), this.async_fn.bind(py));
        let none = dictionary::empty(py)?;
        let kwargs = kwargs.unwrap_or(&none);
        let found = if plain.have_all(args, kwargs) {
            run_for(router, async_fn, args, kwargs)?
        } else {
            let translator = this.translator.bind(py);
            let translated =
                translator.call_method1(names(py).into_call.bind(py), (args, kwargs))?;
            let (args, kwargs): (Bound<'py, PyTuple>, Bound<'py, PyDict>) = translated.extract()?;
            run_for(router, async_fn, &args, &kwargs)?
        };
        let found = found.into_bound(py);
        if plain.has(&found) {
            return Ok(found);
        }
        this.translator.bind(py).call_method1(names(py).out.bind(py), (found,))
    }

    /// Its attributes. Its `__call__` is itself, so that who asks that for a signature gets its own.
    fn __getattribute__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if name.as_any().eq(names(py).call.bind(py))? {
            return Ok(slf.clone().into_any());
        }
        let general = py.get_type::<PyAny>();
        general.call_method1(names(py).get_attribute.bind(py), (slf, name))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.async_fn)?;
        visit.call(&self.translator)?;
        visit.call(&self.router)
    }
}
