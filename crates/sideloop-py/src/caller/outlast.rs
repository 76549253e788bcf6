//! The wait of a step that comes while its loop unwinds: nothing enters there any more, but the host's
//! task, cancelled, still cleans up.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::host::Outlast;

use super::as_driver::end_own;
use super::pause::Pause;
use crate::model::{Drive, Host, RunnerCore};

/// What has become of the task of a host whose loop takes no more steps.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlasted {
    /// It has ended, or will not run any more, or has had its grace.
    Over,
    /// Its loop unwinds, or will, where it cannot be waited for: on this very thread, or when the thread that drives
    /// it calls next, or ends.
    Unwinds,
}

/// Wait until the task has ended, or for the grace. Blocks, detached. A loop that the calling thread drives, and
/// that another one has asked to end, unwinds here.
///
/// # Errors
/// What a signal handler raises, and what else ends the loop.
pub(crate) fn outlast(host: &Bound<'_, Host>, core: &RunnerCore) -> PyResult<Outlasted> {
    let (py, host) = (host.py(), host.get());
    if core.entry.is_orphaned() {
        return Ok(Outlasted::Over);
    }
    match &core.drive {
        Drive::Caller(_) => {
            end_own(py, core)?;
            return Ok(Outlasted::Unwinds);
        }
        Drive::Thread if core.on_loop_thread() => return Ok(Outlasted::Unwinds),
        Drive::Thread | Drive::Other(_) => {}
    }
    let (completer, pause) = Pause::new()?;
    match host.with(py, |state| state.outlast(completer)) {
        Outlast::Wait => pause.wait_until(py, Some(Instant::now() + core.grace)).map(drop)?,
        Outlast::Nothing(_) => {}
    }
    Ok(Outlasted::Over)
}
