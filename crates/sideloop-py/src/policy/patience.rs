//! When a caller stops waiting for a call, and what it does about the task first.
//!
//! ```text
//!              signal raises, or deadline         grace is over, or second signal
//!   Waiting ─────────────────────────────▶ Unwinding ─────────────────────────────▶ leave
//!     │ outcome                              │ outcome
//!     ▼                                      ▼
//!   unwrap it                              raise what began the unwinding, or interrupted it
//! ```
//!
//! What a signal handler has raised is raised, whatever ends first: also if the outcome is there by then, and
//! rather than that the time is over.
//!
//! A call that takes long is reported once, meanwhile. One policy for every drive: whoever waits asks
//! `Patience` at each look, and does what it says.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use crate::policy::chain::{after, because_of};
use crate::policy::deadline::{Deadline, Limit};
use crate::policy::outcome::{Outcome, is_exit};

/// How long the main thread goes without looking for signals, and any thread without looking at a loop
/// that is somebody else's.
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

impl Ended {
    /// An exception has come in the very moment in which it ended.
    pub(crate) fn interrupted_by(self, py: Python<'_>, error: PyErr) -> Self {
        match self {
            Self::Outcome(Outcome::Error(raised)) => Self::Stopped(because_of(py, error, raised)),
            Self::Outcome(Outcome::Value(_) | Outcome::NotStarted) => Self::Stopped(error),
            Self::Stopped(reason) => Self::Stopped(after(py, error, reason)),
            Self::Abandoned(reason) => Self::Abandoned(after(py, error, reason)),
        }
    }
}

/// What to do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Go on waiting.
    Wait,
    /// Report that it takes long, then go on waiting.
    Report,
    /// Ask the task to stop, then go on waiting.
    Cancel,
    /// Wait no longer, unless the outcome has come just now.
    Leave,
}

/// How long the caller of one call still waits, and why no longer.
pub(crate) struct Patience {
    /// Looked at each time: its block may be left meanwhile, by another thread.
    time_limit: Option<Py<Limit>>,
    grace: Duration,
    /// When to report that it takes long: None once that is done.
    report: Option<Instant>,
    /// What began the unwinding, and when its grace is over.
    unwinding: Option<(PyErr, Instant)>,
}

impl Patience {
    pub(crate) fn new(
        time_limit: Option<Py<Limit>>,
        grace: Duration,
        report: Option<Instant>,
    ) -> Self {
        Self { time_limit, grace, report, unwinding: None }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.time_limit.as_ref().and_then(|limit| limit.get().deadline())
    }

    /// What to do now that `interrupted` was raised by a signal handler, if it was. `name` is the
    /// call's, for the message if its time is over.
    pub(crate) fn look(
        &mut self,
        py: Python<'_>,
        interrupted: Option<PyErr>,
        name: impl Fn() -> String,
    ) -> Next {
        let now = Instant::now();
        if let Some((reason, grace_end)) = self.unwinding.take() {
            let over = interrupted.is_some() || grace_end <= now;
            let reason = match interrupted {
                Some(later) => after(py, later, reason),
                None => reason,
            };
            self.unwinding = Some((reason, grace_end));
            return if over { Next::Leave } else { Next::Wait };
        }
        let missed = self.deadline().filter(|deadline| deadline.at <= now);
        let grace = missed.and_then(|deadline| deadline.grace).unwrap_or(self.grace);
        match interrupted.or_else(|| missed.map(|deadline| deadline.missed(py, &name()))) {
            Some(reason) => {
                self.unwinding = Some((reason, now + grace));
                Next::Cancel
            }
            None if self.report.is_some_and(|report| report <= now) => {
                self.report = None;
                Next::Report
            }
            None => Next::Wait,
        }
    }

    /// When to ask again, whatever happens.
    pub(crate) fn limit(&self) -> Option<Instant> {
        match &self.unwinding {
            Some((_, grace_end)) => Some(*grace_end),
            None => {
                let limits = [self.deadline().map(|deadline| deadline.at), self.report];
                limits.into_iter().flatten().min()
            }
        }
    }

    /// The task has ended: with its outcome, unless it was asked to. `name` is the call's.
    pub(crate) fn ended(
        mut self,
        py: Python<'_>,
        outcome: Outcome,
        name: impl Fn() -> String,
    ) -> Ended {
        let unwinding = match (self.unwinding.take(), &outcome) {
            // Calls that are nested in each other have one limit, whichever of them looks first.
            (None, Outcome::Error(raised)) if raised.is_instance_of::<PyTimeoutError>(py) => {
                let missed = self.deadline().filter(|deadline| deadline.at <= Instant::now());
                missed.map(|deadline| (deadline.missed(py, &name()), deadline.at))
            }
            (unwinding, _) => unwinding,
        };
        match (unwinding, outcome) {
            (None, outcome) => Ended::Outcome(outcome),
            // Whatever was the reason to stop it: an exit exits.
            (Some((reason, _)), Outcome::Error(raised))
                if is_exit(py, &raised) && !is_exit(py, &reason) =>
            {
                Ended::Stopped(after(py, raised, reason))
            }
            // What the task raised while it unwound is not lost: it is the cause.
            (Some((reason, _)), Outcome::Error(raised)) => {
                Ended::Stopped(because_of(py, reason, raised))
            }
            (Some((reason, _)), Outcome::Value(_) | Outcome::NotStarted) => Ended::Stopped(reason),
        }
    }

    /// Its loop is gone, as this error says.
    pub(crate) fn gone(self, py: Python<'_>, error: PyErr) -> Ended {
        match self.unwinding {
            Some((reason, _)) => Ended::Stopped(because_of(py, reason, error)),
            None => Ended::Stopped(error),
        }
    }

    /// The task never ran, and will not.
    pub(crate) fn never_ran(self) -> Ended {
        match self.unwinding {
            Some((reason, _)) => Ended::Stopped(reason),
            None => Ended::Outcome(Outcome::NotStarted),
        }
    }

    /// The task was left behind.
    pub(crate) fn left(self) -> Ended {
        match self.unwinding {
            Some((reason, _)) => Ended::Abandoned(reason),
            None => Ended::Outcome(Outcome::NotStarted),
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
