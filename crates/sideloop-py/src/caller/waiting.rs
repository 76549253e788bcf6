//! The caller's side of the hand-off: put the call in, and wait until it ends or patience does.
//!
//! The wait is native and detached, so other threads run, and the loop thread never wakes us into a
//! held interpreter lock.
//!
//! Signals: the interpreter runs their handlers on its main thread only, so that thread looks time and again
//! (`patience::next_look`). Does not work: to be woken by EINTR, since std retries; nor would a raw futex help, since
//! a signal that comes between the look and the wait, or on another thread, does not interrupt it.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::entry::{Closed, Push};
use sideloop_core::handoff::{Wait, Waiter};
use sideloop_core::phase::{Abandon, Cancel};
use sideloop_core::spin::{Plan, spin};

use super::errand::{serve, tell_cut_off};
use super::gone::gone;
use super::pause::Pause;
use super::report::report_slow;
use super::stopping::stop_running;
use crate::entry::Entry;
use crate::finish::{leave, withdraw};
use crate::model::Call;
use crate::policy::chain::after;
use crate::policy::outcome::Outcome;
use crate::policy::patience::{Ended, Next, Patience, next_look};
use crate::python::detach::detached;
use crate::python::thread;
use crate::send::ring_attached;

/// The caller's wait for one call.
pub(crate) struct Waiting<'a, 'py> {
    pub(super) call: &'a Bound<'py, Call>,
    pub(super) pause: Pause,
    pub(super) patience: Patience,
}

impl Waiting<'_, '_> {
    /// Put the message in, then wait. The message is pushed detached: the loop thread is never
    /// woken into an interpreter lock that we hold.
    pub(super) fn submit_and_wait(mut self) -> PyResult<Ended> {
        let (py, call) = (self.call.py(), self.call.get());
        let in_hub = self.pause.is_in_hub();
        let on_main = !in_hub && thread::is_main(py)?;
        let runner = call.runner(py);
        let core = runner.get();
        let message = self.call.clone().into_any().unbind();
        let (entry, waiter) = (&*core.entry, &self.pause.waiter);
        let looks = on_main || core.is_guest();
        let limit = next_look(looks, call.submitted, self.patience.limit());
        let mut interrupted = None;
        let mut seen = if core.is_native() && !in_hub {
            push_and_wait(py, entry, message, waiter, limit)
        } else {
            entry.push(message).map(|pushed| {
                if core.is_native() && pushed == Push::Wake {
                    entry.ring();
                }
                // Rung each time, whoever else may have rung: ringing runs Python code, in which a
                // signal handler may call again, and would wait for a ring that is ours to make.
                match ring_attached(runner) {
                    Ok(()) if in_hub => Wait::TimedOut,
                    Ok(()) => detached(py, || first_wait(entry, waiter, limit)),
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
                // What has interrupted the wait comes first.
                Ok(Wait::Knock) if interrupted.is_some() => {}
                Ok(Wait::Knock) => {
                    waiter.hear();
                    interrupted = serve(self.call).err();
                }
                Ok(Wait::Done | Wait::Gone) | Err(_) => {
                    let ended = self.patience.ended(py, outcome_of(self.call), || call.name(py));
                    return Ok(match interrupted {
                        Some(error) => ended.interrupted_by(py, error),
                        None => ended,
                    });
                }
            }
            if on_main && interrupted.is_none() {
                interrupted = py.check_signals().err();
            }
            match gone(core, self.call) {
                Ok(None) => {}
                Ok(Some(gone)) => {
                    if leave(self.call) == Abandon::Leave {
                        let ended = self.patience.gone(py, gone);
                        return Ok(match interrupted {
                            Some(error) => ended.interrupted_by(py, error),
                            None => ended,
                        });
                    }
                }
                Err(error) => {
                    interrupted = Some(match interrupted {
                        Some(before) => after(py, error, before),
                        None => error,
                    });
                }
            }
            match self.patience.look(py, interrupted.take(), || call.name(py)) {
                Next::Wait => {}
                Next::Report => interrupted = report_slow(self.call).err(),
                Next::Cancel => match withdraw(self.call) {
                    Cancel::NeverRan => return Ok(self.patience.never_ran()),
                    Cancel::Interrupt => interrupted = stop_running(self.call).err(),
                    Cancel::Nothing => {}
                },
                Next::Leave => match leave(self.call) {
                    Abandon::Leave => return Ok(self.patience.left()),
                    Abandon::TakeOutcome => {}
                },
            }
            if call.has_errands()
                && let Err(error) = tell_cut_off(self.call)
            {
                interrupted = Some(match interrupted.take() {
                    Some(before) => after(py, error, before),
                    None => error,
                });
            }
            seen = Ok(if interrupted.is_some() {
                waiter.peek().unwrap_or(Wait::TimedOut)
            } else if call.has_errand(py) {
                waiter.peek().unwrap_or(Wait::Knock)
            } else {
                let limit = next_look(looks, Instant::now(), self.patience.limit());
                self.pause.wait(py, limit).unwrap_or_else(|error| {
                    interrupted = Some(error);
                    Wait::TimedOut
                })
            });
        }
    }
}

/// What came of a call that has ended. One that has begun is never begun again.
pub(super) fn outcome_of(call: &Bound<'_, Call>) -> Outcome {
    let (py, inside) = (call.py(), call.get());
    match inside.take_outcome(py) {
        Some(outcome) => outcome,
        None if inside.is_queued() => Outcome::NotStarted,
        None => Outcome::Error(inside.runner(py).get().stopped_error(py, inside.name(py))),
    }
}

/// Detached: put the message in, wake the loop thread, and wait.
fn push_and_wait(
    py: Python<'_>,
    entry: &Entry,
    message: Py<PyAny>,
    waiter: &Waiter,
    limit: Option<Instant>,
) -> Result<Wait, Closed<Py<PyAny>>> {
    detached(py, || {
        // If it is refused, a Python object is in there: it goes back, to be dropped attached.
        if entry.push(message)? == Push::Wake {
            entry.ring();
        }
        Ok(first_wait(entry, waiter, limit))
    })
}

/// Wait as recent history advises, and enter what came of it.
fn first_wait(entry: &Entry, waiter: &Waiter, limit: Option<Instant>) -> Wait {
    let answered = || waiter.peek().is_some();
    let cpus = entry.caller_seat.take(&entry.loop_seat);
    match entry.outcomes.plan(cpus) {
        Plan::Spin(burst) => {
            entry.outcomes.note(spin(burst, answered));
            let seen = waiter.park(limit);
            // To wait for the interpreter costs two switches, and the loop thread may let it go at once.
            if entry.goes_on()
                && let Plan::Spin(burst) = entry.detaches.plan(cpus)
            {
                entry.detaches.note(spin(burst, || !entry.goes_on()));
            }
            seen
        }
        Plan::Park => entry.outcomes.parked(|| waiter.park(limit)),
    }
}
