//! The caller's side of the hand-off: wait until one of four things ends it.
//!
//! ```text
//!              signal raises, or deadline         grace is over, or second signal
//!   Waiting ─────────────────────────────▶ Unwinding ─────────────────────────────▶ leave
//!     │ outcome                              │ outcome
//!     ▼                                      ▼
//!   unwrap it                              raise what began the unwinding
//! ```
//!
//! The wait is native and detached, so other threads run, and the loop thread never wakes us into a
//! held interpreter lock.
//!
//! Signals: the interpreter runs their handlers on its main thread only, so that thread looks every
//! [`TICK`]. Does not work: to be woken by EINTR, since std retries; nor would a raw futex help, since
//! a signal that comes between the look and the wait, or on another thread, does not interrupt it.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::entry::Push;
use sideloop_core::handoff::{Wait, Waiter};
use sideloop_core::phase::{Abandon, Cancel};
use sideloop_core::spin::{Plan, Seen, spin};

use crate::call::Call;
use crate::cpus;
use crate::deadline::Deadline;
use crate::entry::{Entry, Message};
use crate::outcome::Outcome;
use crate::runner::RunnerCore;
use crate::thread;

/// How long the main thread goes without looking for signals.
const TICK: Duration = Duration::from_millis(25);

/// How the wait for one call ended.
pub(crate) enum Ended {
    /// With its outcome.
    Outcome(Outcome),
    /// By a signal or a deadline: the task has unwound, or never ran.
    Stopped(PyErr),
    /// By a signal or a deadline, and the task still runs.
    Abandoned(PyErr),
}

/// The caller's wait for one call.
pub(crate) struct Waiting<'a, 'py> {
    pub(crate) call: &'a Bound<'py, Call>,
    pub(crate) runner: &'a Bound<'py, RunnerCore>,
    pub(crate) waiter: Waiter,
    pub(crate) deadline: Option<Deadline>,
    /// The call's name, for messages; made only when one is needed.
    pub(crate) name: &'a dyn Fn() -> String,
}

impl Waiting<'_, '_> {
    /// Put the message in, then wait. The message is pushed detached: the loop thread is never
    /// woken into an interpreter lock that we hold.
    pub(crate) fn submit_and_wait(mut self, py: Python<'_>, message: Message) -> PyResult<Ended> {
        let on_main = thread::is_main(py)?;
        let core = self.runner.get();
        let entry = &*core.entry;
        let waiter = &self.waiter;
        let limit = next_look(on_main, self.deadline.map(|deadline| deadline.at));
        let mut interrupted = None;
        let mut seen = if core.is_native() {
            py.detach(|| match entry.push(message) {
                Ok(push) => {
                    if push == Push::Wake {
                        entry.ring();
                    }
                    Ok(first_wait(entry, waiter, limit))
                }
                // A Python object is in there: it goes back, to be dropped attached.
                Err(refused) => Err(refused),
            })
        } else {
            entry.push(message).map(|_| {
                // Rung each time, whoever else may have rung: ringing runs Python code, in which a
                // signal handler may call again, and would wait for a ring that is ours to make.
                match RunnerCore::ring_attached(self.runner) {
                    Ok(()) => py.detach(|| first_wait(entry, waiter, limit)),
                    Err(error) => {
                        interrupted = Some(error);
                        Wait::TimedOut
                    }
                }
            })
        };
        let mut unwinding: Option<(PyErr, Instant)> = None;
        loop {
            match seen {
                Ok(Wait::Done) => return Ok(self.outcome(py, unwinding)),
                Ok(Wait::TimedOut) => {}
                Ok(Wait::Gone) | Err(_) => {
                    let outcome = self.call.get().take_outcome().unwrap_or(Outcome::NotStarted);
                    return Ok(Ended::Outcome(outcome));
                }
            }
            if on_main && interrupted.is_none() {
                interrupted = py.check_signals().err();
            }
            unwinding = match (unwinding, interrupted.take()) {
                (None, Some(error)) => match self.begin_unwinding(error) {
                    Ok(unwinding) => Some(unwinding),
                    Err(ended) => return Ok(ended),
                },
                (None, None) => match self.deadline.take_if(|it| it.at <= Instant::now()) {
                    Some(missed) => {
                        let error = missed.missed(&(self.name)());
                        match self.begin_unwinding(error) {
                            Ok(unwinding) => Some(unwinding),
                            Err(ended) => return Ok(ended),
                        }
                    }
                    None => None,
                },
                (Some((first, _)), Some(_second)) => return Ok(self.leave(py, first)),
                (Some((first, grace_end)), None) if grace_end <= Instant::now() => {
                    return Ok(self.leave(py, first));
                }
                (Some(unwinding), None) => Some(unwinding),
            };
            let limit = match &unwinding {
                Some((_, grace_end)) => Some(*grace_end),
                None => self.deadline.map(|deadline| deadline.at),
            };
            let limit = next_look(on_main, limit);
            let waiter = &self.waiter;
            seen = Ok(py.detach(|| waiter.park(limit)));
        }
    }

    /// Ask the task to stop; the end of its grace, or the end of the wait if it never ran.
    fn begin_unwinding(&self, error: PyErr) -> Result<(PyErr, Instant), Ended> {
        match self.call.get().phase.cancel() {
            Cancel::NeverRan => Err(Ended::Stopped(error)),
            Cancel::Interrupt | Cancel::Nothing => {
                RunnerCore::send_cancel(self.runner, self.call);
                Ok((error, Instant::now() + self.runner.get().grace))
            }
        }
    }

    /// Wait no longer, unless the outcome has come just now.
    fn leave(&self, py: Python<'_>, error: PyErr) -> Ended {
        match self.call.get().phase.abandon() {
            Abandon::Leave => Ended::Abandoned(error),
            Abandon::TakeOutcome => self.outcome(py, Some((error, Instant::now()))),
        }
    }

    /// The end of a wait whose outcome is there.
    fn outcome(&self, py: Python<'_>, unwinding: Option<(PyErr, Instant)>) -> Ended {
        let outcome = self.call.get().take_outcome().unwrap_or_else(|| {
            // `complete` comes after the outcome is stored, and nobody else takes it.
            Outcome::Error(PyRuntimeError::new_err("sideloop lost an outcome: please report this"))
        });
        match (unwinding, outcome) {
            (None, outcome) => Ended::Outcome(outcome),
            (Some((error, _)), Outcome::Error(raised)) => {
                // What the task raised while it unwound is not lost: it is the cause.
                error.set_cause(py, Some(raised));
                Ended::Stopped(error)
            }
            (Some((error, _)), Outcome::Value(_) | Outcome::NotStarted) => Ended::Stopped(error),
        }
    }
}

/// Wait as recent history advises, and enter what came of it.
fn first_wait(entry: &Entry, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    let answered = || waiter.peek().is_some();
    match entry.outcomes.plan(cpus::usable()) {
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

/// Until when to wait before looking at signals and limits again.
fn next_look(on_main: bool, limit: Option<Instant>) -> Option<Instant> {
    if !on_main {
        return limit;
    }
    let tick = Instant::now() + TICK;
    Some(limit.map_or(tick, |limit| limit.min(tick)))
}
