//! Where the loop thread waits after a call: the next one mostly follows at once.
//!
//! A turn of the loop costs as much as a short call does: Python's `run_forever`, timers, a system call
//! for files. So for as long as a busy loop goes without a look at files anyway, the next message is
//! awaited in the middle of a turn, in one spin. `benches/round_trip.py` and `iterate.py` show what it saves.
//!
//! Only after a caller was answered: while calls wait for files or timers and nobody has been answered since the
//! last wait, nobody is about to call, and a spin would keep the CPU from whom they wait for
//! (`benches/io_call.py`).

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::spin::{Burst, Plan, Seen, spin};

use super::core::LoopCore;
use super::turn::LONGEST_BLIND;
use crate::entry::Entry;
use crate::policy::deadline::bounded;
use crate::python::detach::detached;

/// What to do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take the messages that have come.
    Take,
    /// Go on with the turn.
    Leave,
}

/// The time for it, in one turn.
#[derive(Default)]
pub(super) struct Linger {
    end: Option<Instant>,
}

impl Linger {
    /// Wait for a message a little, if the next call of a caller may come.
    pub(super) fn wait(&mut self, py: Python<'_>, event_loop: &LoopCore) -> Next {
        let entry = &*event_loop.entry;
        let worth_it = entry.next_call.is_expected()
            && !event_loop.has_ready(py)
            && !event_loop.is_stopping()
            && !entry.is_stop_due();
        if !worth_it {
            return Next::Leave;
        }
        let Plan::Spin(burst) = entry.messages.plan(entry.loop_seat.take(&entry.caller_seat))
        else {
            return Next::Leave;
        };
        let now = Instant::now();
        let end = *self.end.get_or_insert_with(|| now + bounded(LONGEST_BLIND));
        if now >= end || !entry.next_call.take() {
            return Next::Leave;
        }
        match spin_detached(py, entry, burst) {
            Seen::Answered => Next::Take,
            Seen::InVain(_) | Seen::Parked(_) => Next::Leave,
        }
    }
}

fn spin_detached(py: Python<'_>, entry: &Entry, burst: Burst) -> Seen {
    detached(py, || {
        entry.publish();
        let seen = spin(burst, || entry.has_news());
        entry.messages.note(seen);
        seen
    })
}
