//! Iterate: the hot half of the sync view of an asynchronous generator.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::closing::{close_with, collect_with};
use super::put::put;
use super::step::{explain, step};
use crate::model::{Host, Kind, Place};
use crate::policy::outcome::{Outcome, is_cancelled};

/// The items of a host, one for each `next()`; the base of `sideloop.SyncGenerator`.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct Items {
    host: Py<Host>,
    next_item: Py<PyAny>,
}

#[pymethods]
impl Items {
    #[new]
    fn new(host: Py<Host>, next_item: Py<PyAny>) -> Self {
        Self { host, next_item }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let host = self.host.bind(py);
        let found = match self.take_ready(host) {
            Some(Outcome::Value(item)) => Ok(item),
            Some(Outcome::Error(error)) => Err(error),
            Some(Outcome::NotStarted) | None if host.get().is_over() => return Ok(None),
            Some(Outcome::NotStarted) | None => step(host, Kind::Item, &self.next_item, None),
        };
        match found {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.is_instance_of::<PyStopAsyncIteration>(py) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether no step has begun.
    #[getter]
    fn _new(&self, py: Python<'_>) -> bool {
        matches!(self.host.bind(py).get().inner().place, Place::New)
    }

    /// Whether none will follow.
    #[getter]
    fn _over(&self, py: Python<'_>) -> bool {
        let host = self.host.bind(py).get();
        host.is_over() && host.inner().ready.is_empty()
    }

    /// Await `async_fn(*args)` in the task of the items. Blocks, detached.
    #[pyo3(signature = (async_fn, *args))]
    fn _step(&self, async_fn: &Bound<'_, PyAny>, args: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        let host = self.host.bind(async_fn.py());
        step(host, Kind::Word, async_fn.as_unbound(), Some(args))
    }

    /// Await `async_fn()` there, as the last step. Blocks, detached.
    fn _close(&self, async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
        close_with(self.host.bind(async_fn.py()), async_fn)
    }

    /// The same, and do not wait: from a finalizer.
    fn _collect(&self, async_fn: &Bound<'_, PyAny>) {
        collect_with(self.host.bind(async_fn.py()), async_fn);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.host)?;
        visit.call(&self.next_item)
    }
}

impl Items {
    /// An outcome that is there already.
    fn take_ready(&self, host: &Bound<'_, Host>) -> Option<Outcome> {
        let (py, inside) = (host.py(), host.get());
        let outcome = inside.inner().ready.pop_front()?;
        if inside.read_ahead > 0 && inside.inner().runs_low(inside.read_ahead) {
            put(host, Kind::Refill, &self.next_item, None);
        }
        Some(match outcome {
            Outcome::Error(error) if is_cancelled(error.value(py)) => explain(inside, py, error),
            outcome => outcome,
        })
    }
}
