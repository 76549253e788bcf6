//! Whether a loop that somebody else runs is gone.
//!
//! Nobody tells a guest what becomes of the loop, so whoever waits looks: a loop that is closed, or has not
//! run for the grace, will not end the call any more.

use std::time::Instant;

use pyo3::prelude::*;

use crate::model::{Call, Drive, RunnerCore};
use crate::policy::errors::Error;
use crate::python::lock::lock;

/// The error for a call that the loop will not end, if it is so.
///
/// # Errors
/// What the loop raises when it is asked, or a signal handler meanwhile.
pub(super) fn gone(core: &RunnerCore, py: Python<'_>, call: &Call) -> PyResult<Option<PyErr>> {
    let Drive::Other(guest) = &core.drive else { return Ok(None) };
    let ask = |question: &str| {
        let answer = guest.event_loop.bind(py).call_method0(question);
        answer.and_then(|answer| answer.is_truthy())
    };
    let how = if ask("is_closed")? {
        "was closed"
    } else if ask("is_running")? {
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
