//! Where the loop thread waits after a step: the next one mostly follows at once.
//!
//! A turn of the loop costs as much as a short step does: Python's `run_forever`, timers, a system call
//! for files. So for as long as a busy loop goes without a look at files anyway, the next message is
//! awaited in the middle of a turn, in one spin. `benches/iterate.py` shows what it saves.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::spin::{Plan, Seen, spin};

use crate::cpus;
use crate::deadline::bounded;
use crate::drive::Drive;
use crate::entry::Entry;
use crate::event_loop::{LoopCore, turn};
use crate::runner::RunnerCore;

/// What to do next.
#[must_use]
pub(crate) enum Next {
    /// Take the messages that have come.
    Take,
    /// Go on with the turn.
    Leave,
}

/// The time for it, in one turn.
#[derive(Default)]
pub(crate) struct Linger {
    end: Option<Instant>,
}

impl Linger {
    /// Wait for a message a little, if hosts are there whose next step may come.
    pub(crate) fn wait(&mut self, py: Python<'_>, core: &RunnerCore, own_loop: &LoopCore) -> Next {
        let entry = &*core.entry;
        let worth_it = core.has_hosts()
            && matches!(core.drive, Drive::Thread)
            && !own_loop.has_ready()
            && !entry.is_stop_due()
            && entry.messages.plan(cpus::usable()) == Plan::Spin;
        if !worth_it {
            return Next::Leave;
        }
        let now = Instant::now();
        let end = *self.end.get_or_insert_with(|| now + bounded(turn::LONGEST_BLIND));
        if now < end && spin_detached(py, entry) == Seen::Answered {
            Next::Take
        } else {
            Next::Leave
        }
    }
}

/// A function of its own, never inlined: see `handoff.rs` on what detaches.
#[inline(never)]
fn spin_detached(py: Python<'_>, entry: &Entry) -> Seen {
    py.detach(|| {
        entry.publish();
        let seen = spin(|| entry.looks_filled() || entry.is_stop_due());
        entry.messages.note(seen);
        seen
    })
}
