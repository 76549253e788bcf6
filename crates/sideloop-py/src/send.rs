//! Put a call into a runner's entry, and wake its loop.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::entry::Push;

use crate::model::{Call, RunnerCore};
use crate::policy::chain::after;
use crate::python::names::names;

/// Whether a call has come in.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    In,
    /// The entry is closed. What is left on the loop unwinds.
    Refused,
}

/// Put a call in, to be started, or cancelled if it has been asked to stop. Does not wait.
///
/// # Errors
/// What a signal handler raises meanwhile: the call is in all the same.
pub(crate) fn send(call: &Bound<'_, Call>) -> PyResult<Sent> {
    let runner = call.get().runner(call.py());
    let entry = &*runner.get().entry;
    match entry.push(call.clone().into_any().unbind()) {
        Ok(Push::Wake) => entry.ring(),
        Ok(Push::Awake) => {}
        Err(_) => return Ok(Sent::Refused),
    }
    ring_attached(runner).map(|()| Sent::In)
}

/// Wake a loop that somebody else wrote. Its waking is Python code, in which a signal handler may
/// raise: the loop is woken all the same, and the exception comes back.
///
/// # Errors
/// That exception.
pub(crate) fn ring_attached(runner: &Bound<'_, RunnerCore>) -> PyResult<()> {
    /// A loop that refuses more often than this refuses for a reason of its own.
    const TRIES: usize = 64;
    let (py, core) = (runner.py(), runner.get());
    let Some(tasks) = core.tasks.get().filter(|_| !core.is_native()) else { return Ok(()) };
    let mut interrupted = Ok(());
    for _ in 0..TRIES {
        let rung = runner
            .getattr(names(py).drain.bind(py))
            .and_then(|drain| tasks.call_soon_threadsafe(&drain));
        let Err(error) = rung else { break };
        let event_loop = tasks.event_loop.bind(py);
        match event_loop.call_method0("is_closed").and_then(|it| it.is_truthy()) {
            Ok(false) => interrupted = interrupted.and(Err(error)),
            // Its thread is past its last look, and answers by itself. That it says so is no news.
            Ok(true) if error.get_type(py).is(py.get_type::<PyRuntimeError>()) => break,
            Ok(true) => return interrupted.and(Err(error)),
            Err(later) => interrupted = interrupted.and(Err(after(py, later, error))),
        }
    }
    interrupted
}
