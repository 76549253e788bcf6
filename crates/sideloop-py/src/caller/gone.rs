//! Whether a loop is gone, so that it will not end the call any more.
//!
//! Nobody tells a guest what becomes of the loop, so whoever waits looks whether it is closed, or has not run for
//! the grace. And nobody tells the child of a fork that a signal handler has made meanwhile: the loop's thread is
//! the parent's.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::generation;
use sideloop_core::phase::Abandon;

use crate::finish::{finish, leave};
use crate::model::{Call, Drive, Guest, RunnerCore};
use crate::policy::errors::{Error, begun_before_fork};
use crate::policy::outcome::Outcome;
use crate::python::frames::current_frames;
use crate::python::lock::lock;

/// The error for a call that the loop will not end, if it is so.
///
/// # Errors
/// What the loop raises when it is asked, or a signal handler meanwhile.
pub(super) fn gone(core: &RunnerCore, bound: &Bound<'_, Call>) -> PyResult<Option<PyErr>> {
    let (py, call) = (bound.py(), bound.get());
    if core.entry.is_orphaned() {
        return Ok(Some(begun_before_fork(&call.name(py))));
    }
    let Drive::Other(guest) = &core.drive else { return Ok(None) };
    let ask = |question: &str| {
        let answer = guest.event_loop.bind(py).call_method0(question);
        answer.and_then(|answer| answer.is_truthy())
    };
    let (closed, running) = (ask("is_closed")?, ask("is_running")?);
    if !running && take_over(bound)? {
        return Ok(None);
    }
    let how = if closed {
        "was closed"
    } else if running && (call.task(py).is_some() || !is_parents(guest, py)?) {
        *lock(&guest.ran) = Instant::now();
        return Ok(None);
    } else if lock(&guest.ran).elapsed() < guest.patience {
        // Between two `run_until_complete`, perhaps, or about to run.
        return Ok(None);
    } else if call.task(py).is_none() {
        let patience = guest.patience.as_secs_f64();
        return Ok(Some(Error::HostIdle.raise(py, (core.name(py), call.name(py), patience))));
    } else {
        "was stopped"
    };
    Ok(Some(Error::HostGone.raise(py, (core.name(py), call.name(py), how))))
}

#[pymethods]
impl Call {
    /// The error for who waits for the future of a call that its loop will not end, if it is so. Then nobody hears any
    /// more of what comes of it.
    fn given_up<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let core = slf.get().runner(py).get();
        let Some(error) = gone(core, slf)? else { return Ok(None) };
        Ok(match leave(slf) {
            Abandon::Leave => {
                core.counts.abandoned.add(1);
                Some(error.into_value(py).into_bound(py).into_any())
            }
            Abandon::TakeOutcome => None,
        })
    }
}

/// End the call with what its task came to, if that has ended: an exit of its own has left the loop before that could
/// tell. Whoever runs the loop may never run it again.
fn take_over(call: &Bound<'_, Call>) -> PyResult<bool> {
    let Some(task) = call.get().task(call.py()) else { return Ok(false) };
    let ended = task.call_method0("done")?.is_truthy()?;
    if ended {
        finish(call, Outcome::capture(&task));
    }
    Ok(ended)
}

/// Whether what runs the loop may be a thread of the parent process: in a fork's child the loop says that it runs,
/// and there is nobody who runs it.
fn is_parents(guest: &Guest, py: Python<'_>) -> PyResult<bool> {
    if generation::current() == 0 {
        return Ok(false);
    }
    match guest.event_loop.bind(py).getattr_opt("_thread_id")? {
        Some(ident) if !ident.is_none() => Ok(!current_frames(py)?.contains(ident)?),
        Some(_) | None => Ok(true),
    }
}
