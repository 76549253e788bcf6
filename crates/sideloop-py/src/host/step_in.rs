//! Stepping in for a host's task, and waking it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::host::Time;

use super::advance::{Stop, advance};
use crate::model::{Host, State};
use crate::python::context;
use crate::python::dictionary;
use crate::python::names::names;
use crate::tasks::TaskMaker;

/// Do the task's work in its stead, for as long as that need not wait.
///
/// # Errors
/// What waking the task raises.
pub(super) fn step_in(host: &Bound<'_, Host>, tasks: &TaskMaker) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let (Some(task), Some(context)) = (inside.task.get(), inside.context()) else {
        return Err(PyRuntimeError::new_err("no step has begun yet"));
    };
    let work = || tasks.as_current(task.bind(py), || advance(host, None, Time::Short));
    match context::enter(context.bind(py), work) {
        Ok(Stop::Rest | Stop::End | Stop::Wait | Stop::Yield | Stop::Await(_)) => Ok(()),
        Ok(Stop::Wake(wake)) => wake.call1(py, (host,)).map(drop),
        Ok(Stop::WakeSoon(wake)) => wake_soon(host, wake),
        // There is a current task already, or the context is entered: somebody runs a loop inside of it.
        Err(error) => match inside.with(py, State::step_back) {
            Some(wake) => wake_soon(host, wake),
            None => Err(error),
        },
    }
}

/// Have the task run, in a turn of its own.
///
/// # Errors
/// What the loop's `call_soon` raises.
pub(super) fn wake_soon(host: &Bound<'_, Host>, wake: Py<PyAny>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let options = dictionary::empty(py)?;
    options.set_item(names(py).context_name.bind(py), inside.context())?;
    let event_loop = event_loop_of(inside, py)?;
    event_loop.call_method(names(py).call_soon.bind(py), (wake, host), Some(&options)).map(drop)
}

/// The loop of a host's task.
///
/// # Errors
/// `RuntimeError` before the first step.
pub(super) fn event_loop_of<'py>(host: &Host, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    let core = host.core.get().map(|core| core.bind(py).get());
    let tasks = core.and_then(|core| core.tasks.get());
    let tasks = tasks.ok_or_else(|| PyRuntimeError::new_err("no step has begun yet"))?;
    Ok(tasks.event_loop.bind(py).clone())
}
