//! The wait of a step that comes while its loop unwinds: nothing enters there any more, but the host's
//! task, cancelled, still cleans up.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::handoff::{Wait, handoff};
use sideloop_core::host::Outlast;

use crate::model::{Drive, Host, RunnerCore};
use crate::policy::patience::next_look;
use crate::python::detach::detached;
use crate::python::thread;

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
    let (completer, waiter) = handoff();
    match host.with(|state| state.outlast(completer)) {
        Outlast::Wait => {}
        Outlast::Nothing(_) => return Ok(()),
    }
    let on_main = thread::is_main(py)?;
    let end = Instant::now() + core.grace;
    loop {
        let limit = next_look(on_main, Instant::now(), Some(end));
        if detached(py, || waiter.park(limit)) != Wait::TimedOut || end <= Instant::now() {
            return Ok(());
        }
        py.check_signals()?;
    }
}
