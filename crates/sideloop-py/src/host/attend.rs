//! What a host is to its task: what it awaits, what wakes it, and its callback.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::advance::{advance, answer, end};
use crate::model::{Host, Place};
use crate::policy::outcome::Outcome;
use crate::python::names::names;
use crate::tasks::TaskMaker;

/// As an awaitable: what the task's coroutine awaits.
#[pymethods]
impl Host {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let met = slf.get().inner().met.take();
        if met.is_some() { Ok(met) } else { advance(slf, None) }
    }

    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Self::__next__(slf)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (error, *_older))]
    fn throw(
        slf: &Bound<'_, Self>,
        error: &Bound<'_, PyAny>,
        _older: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        let error = PyErr::from_value(error.clone());
        let met = slf.get().inner().met.take();
        if let Some(future) = met {
            // Cancelled before it waited for this. A future that is none is found out later.
            let _ = future.call_method0(slf.py(), "cancel");
        }
        advance(slf, Some(error))?.ok_or_else(|| PyStopIteration::new_err(()))
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

    /// The task is dropped: its loop was closed under it.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, host) = (slf.py(), slf.get());
        let awaiting = host.take_awaiting();
        end(host, py);
        awaiting.map_or(Ok(()), |awaiting| awaiting.close(py))
    }
}

impl Host {
    /// What the coroutine of this step says of itself, or else the generator.
    fn seen<'py>(&self, py: Python<'py>, names: [&str; 2]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let awaited = self.inner().place.awaited(py);
        let generator = self.rescue.bind(py).getattr_opt("__self__")?;
        let looked_at = awaited.map(|awaited| awaited.into_bound(py)).into_iter();
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
    fn __call__(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) {
        let host = slf.get();
        if !host.is_over() {
            let before = {
                let mut inner = host.inner();
                inner.last = true;
                let (asked, step) = inner.next.take().unzip();
                (std::mem::replace(&mut inner.asked, asked), step)
            };
            drop(before);
            answer(slf, Outcome::capture(task));
        }
    }
}

/// As a future: what the task waits for between two steps.
#[pymethods]
impl Host {
    /// asyncio's mark of what may be awaited by a task.
    #[getter(_asyncio_future_blocking)]
    fn blocking(&self) -> bool {
        true
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, _blocking: &Bound<'_, PyAny>) {}

    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let core = self.core.get().map(|core| core.bind(py).get());
        let tasks = core.and_then(|core| core.tasks.get());
        let tasks = tasks.ok_or_else(|| PyRuntimeError::new_err("no step has begun yet"))?;
        Ok(tasks.event_loop.clone_ref(py))
    }

    /// Whether it has a result, which it never has for long.
    fn done(&self) -> bool {
        false
    }

    /// The task waits: from here on it is between two steps.
    #[pyo3(signature = (callback, *, context = None))]
    fn add_done_callback(&self, callback: Py<PyAny>, context: Option<&Bound<'_, PyAny>>) {
        // It is the context that the host has, too.
        let _ = context;
        self.set_place(Place::Between(callback));
    }

    /// The task is cancelled: wake it, in a turn of its own.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let (py, host) = (slf.py(), slf.get());
        let msg = msg.unwrap_or_else(|| py.None());
        let (wake, before) = {
            let mut inner = host.inner();
            let wake = inner.place.wake();
            if wake.is_none() && !inner.stepping_in {
                return Ok(false);
            }
            (wake, inner.cancelled.replace(msg))
        };
        drop(before);
        // Whoever steps in looks by himself.
        wake.map_or(Ok(true), |wake| wake_soon(slf, wake).map(|()| true))
    }

    /// Whether it is the cancellation that has woken the task.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let Some(msg) = self.inner().cancelled.take() else { return Ok(()) };
        let class = py.import("asyncio")?.getattr("CancelledError")?;
        let error = if msg.is_none(py) { class.call0()? } else { class.call1((msg,))? };
        Err(PyErr::from_value(error))
    }
}

/// Do the task's work in its stead, for as long as that need not wait.
pub(super) fn step_in(host: &Bound<'_, Host>, tasks: &TaskMaker, wake: Py<PyAny>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let task = inside.inner().task.as_ref().map(|task| task.bind(py).clone());
    let Some(task) = task else { return Ok(()) };
    inside.inner().stepping_in = true;
    let met = tasks.as_current(&task, || advance(host, None));
    let cancelled = {
        let mut inner = inside.inner();
        inner.stepping_in = false;
        inner.cancelled.is_some()
    };
    match met {
        Ok(Some(met)) if met.is(host) && cancelled => return wake_soon(host, wake),
        Ok(Some(met)) if met.is(host) => {
            inside.set_place(Place::Between(wake));
            return Ok(());
        }
        Ok(met) => {
            let before = std::mem::replace(&mut inside.inner().met, met);
            drop(before);
        }
        // There is a current task already, of somebody who runs a loop inside of it.
        Err(_) => {}
    }
    wake.call1(py, (host,)).map(drop)
}

/// Have the task run, in a turn of its own.
fn wake_soon(host: &Bound<'_, Host>, wake: Py<PyAny>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let options = PyDict::new(py);
    options.set_item(names(py).context_name.bind(py), inside.context())?;
    let event_loop = inside.get_loop(py)?;
    event_loop.bind(py).call_method("call_soon", (wake, host), Some(&options)).map(drop)
}
