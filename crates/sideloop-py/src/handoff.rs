//! The caller's side of the hand-off: put the call in, and wait until it ends or patience does.
//!
//! The wait is native and detached, so other threads run, and the loop thread never wakes us into a
//! held interpreter lock.
//!
//! Signals: the interpreter runs their handlers on its main thread only, so that thread looks every
//! [`TICK`]. Does not work: to be woken by EINTR, since std retries; nor would a raw futex help, since
//! a signal that comes between the look and the wait, or on another thread, does not interrupt it.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use sideloop_core::entry::{Closed, Push};
use sideloop_core::handoff::{Wait, Waiter};
use sideloop_core::phase::{Abandon, Cancel};
use sideloop_core::spin::{Plan, Seen, spin};

use crate::call::Call;
use crate::cancel::{Ended, Patience, Step};
use crate::entry::{Entry, Message};
use crate::outcome::Outcome;
use crate::runner::RunnerCore;
use crate::thread;

/// How long the main thread goes without looking for signals, and any thread without looking at a loop
/// that is somebody else's.
const TICK: Duration = Duration::from_millis(25);

/// The caller's wait for one call.
pub(crate) struct Waiting<'a, 'py> {
    pub(crate) call: &'a Bound<'py, Call>,
    pub(crate) runner: &'a Bound<'py, RunnerCore>,
    pub(crate) waiter: Waiter,
    pub(crate) patience: Patience,
}

impl Waiting<'_, '_> {
    /// Put the message in, then wait. The message is pushed detached: the loop thread is never
    /// woken into an interpreter lock that we hold.
    pub(crate) fn submit_and_wait(mut self, py: Python<'_>, message: Message) -> PyResult<Ended> {
        let on_main = thread::is_main(py)?;
        let (call, core) = (self.call.get(), self.runner.get());
        let (entry, waiter) = (&*core.entry, &self.waiter);
        let looks = on_main || core.is_guest();
        let limit = next_look(looks, call.submitted, self.patience.limit());
        let mut interrupted = None;
        let mut seen = if core.is_native() {
            push_and_wait(py, entry, message, waiter, limit)
        } else {
            entry.push(message).map(|_| {
                // Rung each time, whoever else may have rung: ringing runs Python code, in which a
                // signal handler may call again, and would wait for a ring that is ours to make.
                match RunnerCore::ring_attached(self.runner) {
                    Ok(()) => wait_on(py, entry, waiter, limit),
                    Err(error) => {
                        interrupted = Some(error);
                        Wait::TimedOut
                    }
                }
            })
        };
        loop {
            match seen {
                Ok(Wait::TimedOut) => {}
                Ok(Wait::Done | Wait::Gone) | Err(_) => {
                    let outcome = call.take_outcome(py).unwrap_or(Outcome::NotStarted);
                    return Ok(self.patience.ended(py, outcome));
                }
            }
            if on_main && interrupted.is_none() {
                interrupted = py.check_signals().err();
            }
            if let Some(gone) = core.host_gone(py, call.async_fn(py))
                && call.phase.abandon() == Abandon::Leave
            {
                return Ok(Ended::Stopped(gone));
            }
            match self.patience.step(interrupted.take(), || call.name(py)) {
                Step::Wait => {}
                Step::Report => interrupted = RunnerCore::report_slow(self.call),
                Step::Cancel => match call.phase.cancel() {
                    Cancel::NeverRan => return Ok(self.patience.never_ran()),
                    Cancel::Interrupt => RunnerCore::send_cancel(self.runner, self.call),
                    Cancel::Nothing => {}
                },
                Step::Leave => match call.phase.abandon() {
                    Abandon::Leave => return Ok(self.patience.left()),
                    Abandon::TakeOutcome => {}
                },
            }
            let limit = next_look(looks, Instant::now(), self.patience.limit());
            seen = Ok(park(py, waiter, limit));
        }
    }
}

// What detaches is in functions of its own, never inlined. CPython ends a daemon thread at exit by unwinding
// its stack (up to 3.13), also while it runs Python code that we have called. A function that detaches has a
// table of landing pads, since PyO3 guards the attaching in it; a frame of it under Python code would find its
// call missing in that table, and abort the process.

/// Detached: put the message in, wake the loop thread, and wait.
#[inline(never)]
fn push_and_wait(
    py: Python<'_>,
    entry: &Entry,
    message: Message,
    waiter: &Waiter,
    limit: Option<Instant>,
) -> Result<Wait, Closed<Message>> {
    py.detach(|| {
        // If it is refused, a Python object is in there: it goes back, to be dropped attached.
        if entry.push(message)? == Push::Wake {
            entry.ring();
        }
        Ok(first_wait(entry, waiter, limit))
    })
}

/// Detached: the first wait.
#[inline(never)]
fn wait_on(py: Python<'_>, entry: &Entry, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    py.detach(|| first_wait(entry, waiter, limit))
}

/// Detached: any later wait.
#[inline(never)]
fn park(py: Python<'_>, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    py.detach(|| waiter.park(limit))
}

/// Wait as recent history advises, and enter what came of it.
fn first_wait(entry: &Entry, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    let answered = || waiter.peek().is_some();
    match entry.outcomes.plan(entry.caller_seat.take(&entry.loop_seat)) {
        Plan::Spin => {
            entry.outcomes.note(spin(answered));
            waiter.park(limit)
        }
        Plan::Park => {
            let start = Instant::now();
            let seen = waiter.park(limit);
            entry.outcomes.note(Seen::Parked(start.elapsed()));
            seen
        }
    }
}

/// Until when to wait before looking at signals and limits again; `looks` tells whether there is more to
/// look at than the limit.
pub(crate) fn next_look(looks: bool, now: Instant, limit: Option<Instant>) -> Option<Instant> {
    if !looks {
        return limit;
    }
    let tick = now + TICK;
    Some(limit.map_or(tick, |limit| limit.min(tick)))
}
