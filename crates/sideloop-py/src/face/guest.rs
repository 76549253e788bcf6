//! A call that is a guest on a loop that somebody else runs.
//!
//! Its runner core lives for the one call, unless the loop has one.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::caller::{Run, check_runs_elsewhere, run};
use crate::event_loop::LoopCore;
use crate::model::{Drive, RunnerCore};
use crate::policy::errors::{Error, name_of};

/// Run a call on a loop that somebody else runs, on another thread. Blocks, detached. Its loop has `patience` seconds
/// to begin to run, and to go on.
#[pyfunction]
pub(crate) fn run_as_guest(
    event_loop: &Bound<'_, PyAny>,
    grace: f64,
    patience: f64,
    async_fn: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let core = guest_core(event_loop, grace, patience)?;
    check_runs_elsewhere(&core, event_loop, async_fn)?;
    loop {
        match run(&core, async_fn, args, kwargs, None)? {
            Run::Value(value) => return Ok(value),
            // Late, by a limit that is over since.
            Run::NotStarted if core.get().entry.accepts() => {}
            Run::NotStarted => {
                let name = event_loop.repr()?.to_string();
                let py = event_loop.py();
                return Err(Error::HostGone.raise(py, (name, name_of(async_fn), "was closed")));
            }
        }
    }
}

/// The core that takes calls on a loop that somebody else runs: that of a runner, or one that is made for a call.
#[pyfunction]
pub(crate) fn guest_core<'py>(
    event_loop: &Bound<'py, PyAny>,
    grace: f64,
    patience: f64,
) -> PyResult<Bound<'py, RunnerCore>> {
    match serving(event_loop) {
        Some(core) => Ok(core),
        None => Bound::new(event_loop.py(), RunnerCore::guest(event_loop, grace, patience)?),
    }
}

/// The runner whose loop it is, if a thread of that runs it: which knows for whom it waits.
fn serving<'py>(event_loop: &Bound<'py, PyAny>) -> Option<Bound<'py, RunnerCore>> {
    let runner = event_loop.cast::<LoopCore>().ok()?.get().runner(event_loop.py())?;
    let runner = runner.cast_into::<RunnerCore>().ok()?;
    matches!(runner.get().drive, Drive::Thread).then_some(runner)
}
