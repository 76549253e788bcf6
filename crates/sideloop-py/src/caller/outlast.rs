//! The wait of a step that comes while its loop unwinds: nothing enters there any more, but the host's
//! task, cancelled, still cleans up.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::host::Outlast;

use super::pause::Pause;
use crate::model::{Drive, Host, RunnerCore};

/// Wait until the task has ended, or for the grace. Blocks, detached.
///
/// # Errors
/// What a signal handler raises.
pub(crate) fn outlast(host: &Bound<'_, Host>, core: &RunnerCore) -> PyResult<()> {
    let (py, host) = (host.py(), host.get());
    let another_thread = matches!(core.drive, Drive::Thread) && !core.on_loop_thread();
    if !another_thread || core.entry.is_orphaned() {
        return Ok(());
    }
    let (completer, pause) = Pause::new(py)?;
    match host.with(|state| state.outlast(completer)) {
        Outlast::Wait => {}
        Outlast::Nothing(_) => return Ok(()),
    }
    pause.wait_until(py, Some(Instant::now() + core.grace)).map(drop)
}
