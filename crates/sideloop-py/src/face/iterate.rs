//! Iterate: the hot half of the sync view of an asynchronous generator.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::{Item, Kind};

use super::closing::{close_with, collect_with};
use super::put::refill;
use super::step::{busy, step, step_seated};
use crate::model::{Host, Kept, State};
use crate::policy::outcome::Outcome;

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
        let found = match host.get().with(py, State::take_item) {
            Item::Ready(kept) => ready(host, kept),
            Item::Low(kept) => {
                refill(host);
                ready(host, kept)
            }
            Item::Over => return Ok(None),
            Item::Seated => step_seated(host, Kind::Item, &self.next_item, None),
            Item::Taken => Err(busy(host)),
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
        self.host.bind(py).get().with(py, |state| state.is_new())
    }

    /// Whether none will follow.
    #[getter]
    fn _over(&self, py: Python<'_>) -> bool {
        self.host.bind(py).get().with(py, |state| state.is_spent())
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

/// An outcome that is there already.
fn ready(host: &Bound<'_, Host>, kept: Kept) -> PyResult<Py<PyAny>> {
    let py = host.py();
    match host.get().explained(py, kept.outcome(py)) {
        Outcome::Value(item) => Ok(item),
        Outcome::Error(error) => Err(error),
        Outcome::NotStarted => Ok(py.None()),
    }
}
