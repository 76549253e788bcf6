//! A call that is a guest on a loop that somebody else runs.
//!
//! Its runner core lives for the one call. Nobody tells it what becomes of the loop, so whoever waits
//! looks: a loop that is closed, or has not run for the grace, will not end the call any more.

use std::sync::Mutex;
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::drive::Drive;
use crate::entry::lock;
use crate::errors::{Error, name_of};
use crate::event_loop::LoopCore;
use crate::runner::RunnerCore;
use crate::running::Run;

/// The loop as its guest sees it.
pub(crate) struct Guest {
    event_loop: Py<PyAny>,
    /// When it was last seen to run.
    ran: Mutex<Instant>,
}

impl Guest {
    pub(crate) fn new(event_loop: &Bound<'_, PyAny>) -> Self {
        Self { event_loop: event_loop.clone().unbind(), ran: Mutex::new(Instant::now()) }
    }
}

impl RunnerCore {
    /// Whether the loop is somebody else's.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.drive, Drive::Other(_))
    }

    /// The error for a call that the loop will not end, if it is so.
    pub(crate) fn host_gone(&self, py: Python<'_>, async_fn: &Bound<'_, PyAny>) -> Option<PyErr> {
        let Drive::Other(guest) = &self.drive else { return None };
        let ask = |question: &str| {
            let answer = guest.event_loop.bind(py).call_method0(question);
            answer.and_then(|answer| answer.is_truthy()).unwrap_or(false)
        };
        let how = if ask("is_closed") {
            "was closed"
        } else if ask("is_running") {
            *lock(&guest.ran) = Instant::now();
            return None;
        } else if lock(&guest.ran).elapsed() < self.grace {
            // Between two `run_until_complete`, perhaps.
            return None;
        } else {
            "was stopped"
        };
        Some(Error::HostGone.raise(py, (&self.name, name_of(async_fn), how)))
    }
}

/// Run a call on a loop that somebody else runs, on another thread. Blocks, detached.
#[pyfunction]
pub(crate) fn run_as_guest(
    event_loop: &Bound<'_, PyAny>,
    grace: f64,
    async_fn: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let py = event_loop.py();
    let core = match serving(event_loop) {
        Some(core) => core,
        None => Bound::new(py, RunnerCore::guest(event_loop, grace)?)?,
    };
    match RunnerCore::run(&core, async_fn, args, kwargs)? {
        Run::Value(value) => Ok(value),
        Run::NotStarted => {
            let name = event_loop.repr()?.to_string();
            Err(Error::HostGone.raise(py, (name, name_of(async_fn), "was closed")))
        }
    }
}

/// The runner whose loop it is, if a thread of that runs it: which knows for whom it waits.
fn serving<'py>(event_loop: &Bound<'py, PyAny>) -> Option<Bound<'py, RunnerCore>> {
    let runner = event_loop.cast::<LoopCore>().ok()?.get().runner(event_loop.py())?;
    matches!(runner.get().drive, Drive::Thread).then_some(runner)
}
