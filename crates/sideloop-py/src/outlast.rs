//! The wait of a step that comes while its loop unwinds: nothing enters there any more, but the host's
//! task, cancelled, still cleans up.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::handoff::{Wait, Waiter, handoff};

use crate::drive::Drive;
use crate::handoff::next_look;
use crate::host::{Host, Place};
use crate::runner::RunnerCore;
use crate::thread;

impl Host {
    /// Wait until the task has ended, or for the grace. Blocks, detached.
    ///
    /// # Errors
    /// What a signal handler raises.
    pub(crate) fn outlast(slf: &Bound<'_, Self>, core: &RunnerCore) -> PyResult<()> {
        let (py, host) = (slf.py(), slf.get());
        let another_thread = matches!(core.drive, Drive::Thread)
            && core.loop_thread.load(Ordering::Relaxed) != thread::current();
        if !another_thread || core.entry.is_orphaned() {
            return Ok(());
        }
        let (completer, waiter) = handoff();
        let before = {
            let mut inner = host.inner();
            if matches!(inner.place, Place::New | Place::Over) {
                return Ok(());
            }
            inner.outlasted.replace(completer)
        };
        drop(before);
        let on_main = thread::is_main(py)?;
        let end = Instant::now() + core.grace;
        while park(py, &waiter, next_look(on_main, Instant::now(), Some(end))) == Wait::TimedOut
            && Instant::now() < end
        {
            py.check_signals()?;
        }
        Ok(())
    }

    /// The task has ended, or will not any more: let go of it.
    pub(crate) fn end(&self, py: Python<'_>) {
        if let Some(core) = self.core.get() {
            core.bind(py).get().forget_host(self.key());
        }
        let (before, outlasted) = {
            let mut inner = self.inner();
            (std::mem::replace(&mut inner.place, Place::Over), inner.outlasted.take())
        };
        drop(before);
        if let Some(completer) = outlasted {
            completer.complete();
        }
    }
}

/// A function of its own, never inlined: see `handoff.rs` on what detaches.
#[inline(never)]
fn park(py: Python<'_>, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    py.detach(|| waiter.park(limit))
}
