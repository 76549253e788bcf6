//! What a host is to its task: what it awaits, and its callback.

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::{Ended, Time};

use super::advance::{Stop, advance};
use super::end::{answer_left, settle, take_down};
use crate::model::{Host, Kept};
use crate::policy::outcome::Outcome;

/// As an awaitable: what the task's coroutine awaits. No coroutine, which it would be by `send`: asyncio's debug
/// mode refuses those as callbacks.
#[pymethods]
impl Host {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        awaited(slf, advance(slf, None, Time::Spare)?)
    }

    #[pyo3(signature = (error, *_older))]
    fn throw(
        slf: &Bound<'_, Self>,
        error: &Bound<'_, PyAny>,
        _older: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        let error = PyErr::from_value(error.clone());
        awaited(slf, advance(slf, Some(error), Time::Short)?)?
            .ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Where the user's code stands, for who looks at the task: its frame, as generators have it.
    #[getter]
    fn ag_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.seen(py, ["cr_frame", "ag_frame"])
    }

    /// And what it awaits.
    #[getter]
    fn ag_await<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.seen(py, ["cr_await", "ag_await"])
    }

    /// The task is dropped: its loop was closed under it. What it awaits unwinds as far as it can without
    /// waiting.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        take_down(self, py).map_or(Ok(()), |awaiting| awaiting.close(py))
    }
}

/// What the task is given to wait for; None at the end.
fn awaited(host: &Bound<'_, Host>, stop: Stop) -> PyResult<Option<Py<PyAny>>> {
    let py = host.py();
    match stop {
        Stop::Await(until) => Ok(Some(until)),
        Stop::Wait | Stop::Rest => Ok(Some(host.clone().into_any().unbind())),
        Stop::Yield => Ok(Some(py.None())),
        Stop::End => Ok(None),
        // Only of work that is done in its stead.
        Stop::Wake(wake) | Stop::WakeSoon(wake) => {
            drop(wake);
            Ok(None)
        }
    }
}

impl Host {
    /// What the coroutine of this step says of itself, or else the generator.
    fn seen<'py>(&self, py: Python<'py>, names: [&str; 2]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let awaiting =
            self.with(py, |state| state.awaiting().map(|awaiting| awaiting.object().clone_ref(py)));
        let generator = self.rescue.bind(py).getattr_opt("__self__")?;
        let looked_at = awaiting.map(|awaiting| awaiting.into_bound(py)).into_iter();
        for (object, name) in
            looked_at.chain(generator).flat_map(|it| names.map(|n| (it.clone(), n)))
        {
            if let Some(found) = object.getattr_opt(name)? {
                return Ok(Some(found).filter(|found| !found.is_none()));
            }
        }
        Ok(None)
    }
}

/// As the callback of its task.
#[pymethods]
impl Host {
    /// The task has ended. One that was cancelled before it began has not come here at all.
    fn __call__(&self, task: &Bound<'_, PyAny>) {
        let py = task.py();
        let kept = match Outcome::capture(task) {
            Outcome::Value(value) => Kept::Value(value),
            Outcome::Error(error) => Kept::Error(error.into_value(py)),
            Outcome::NotStarted => return,
        };
        match self.with(py, |state| state.lost(kept)) {
            Ended::Over(_, rest) => {
                drop(settle(self, py, rest, |kind| answer_left(self, py, kind)));
            }
            Ended::Late(kept) => drop(kept),
            Ended::Tell(..) | Ended::Kept => {}
        }
    }
}
