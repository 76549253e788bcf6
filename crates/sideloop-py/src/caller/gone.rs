//! Whether a loop is gone, so that it will not end the call any more.
//!
//! Nobody tells a guest what becomes of the loop, so whoever waits looks whether it is closed, or has not run for
//! the grace. And nobody tells the child of a fork that a signal handler has made meanwhile: the loop's thread is
//! the parent's.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::generation;

use crate::model::{Call, Drive, Guest, RunnerCore};
use crate::policy::errors::{Error, begun_before_fork};
use crate::python::lock::lock;

/// The error for a call that the loop will not end, if it is so.
///
/// # Errors
/// What the loop raises when it is asked, or a signal handler meanwhile.
pub(super) fn gone(core: &RunnerCore, py: Python<'_>, call: &Call) -> PyResult<Option<PyErr>> {
    if core.entry.is_orphaned() {
        return Ok(Some(begun_before_fork(&call.name(py))));
    }
    let Drive::Other(guest) = &core.drive else { return Ok(None) };
    let ask = |question: &str| {
        let answer = guest.event_loop.bind(py).call_method0(question);
        answer.and_then(|answer| answer.is_truthy())
    };
    let how = if ask("is_closed")? {
        "was closed"
    } else if ask("is_running")? && (call.task(py).is_some() || !is_parents(guest, py)?) {
        *lock(&guest.ran) = Instant::now();
        return Ok(None);
    } else if lock(&guest.ran).elapsed() < core.grace {
        // Between two `run_until_complete`, perhaps, or about to run.
        return Ok(None);
    } else if call.task(py).is_none() {
        let grace = core.grace.as_secs_f64();
        return Ok(Some(Error::HostIdle.raise(py, (&core.name, call.name(py), grace))));
    } else {
        "was stopped"
    };
    Ok(Some(Error::HostGone.raise(py, (&core.name, call.name(py), how))))
}

/// Whether what runs the loop may be a thread of the parent process: in a fork's child the loop says that it runs,
/// and there is nobody who runs it.
fn is_parents(guest: &Guest, py: Python<'_>) -> PyResult<bool> {
    if generation::current() == 0 {
        return Ok(false);
    }
    match guest.event_loop.bind(py).getattr_opt("_thread_id")? {
        Some(ident) if !ident.is_none() => {
            Ok(!py.import("sys")?.call_method0("_current_frames")?.contains(ident)?)
        }
        Some(_) | None => Ok(true),
    }
}
