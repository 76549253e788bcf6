//! What a call brings and takes back: its work on the way in, who gets the outcome, and what is to be done with both.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::handoff::Completer;

use crate::model::{Host, Step};
use crate::policy::outcome::Outcome;

/// What there is to do.
pub(crate) enum Work {
    /// Call the user's function, in a task of its own.
    Function {
        args: Py<PyTuple>,
        kwargs: Py<PyDict>,
        /// In which it all runs: a copy of the caller's, or one that is kept.
        context: Py<PyAny>,
        /// Whether it is none of this call's own: others run in it, too.
        is_kept: bool,
    },
    /// Await something in a task that is there.
    Step(Step),
    /// Have items read ahead there.
    Refill(Py<Host>),
}

impl Work {
    /// Whether nothing of it has begun before: it may be sent back.
    pub(crate) fn begins(&self) -> bool {
        match self {
            Self::Function { .. } => true,
            Self::Step(step) => step.host.get().core.get().is_none(),
            Self::Refill(_) => false,
        }
    }
}

/// Who gets the outcome.
pub(crate) enum Answer {
    /// The caller that waits at the other end of this hand-off.
    HandOff(Completer),
    /// The caller that drives the loop, and looks by itself.
    Driver,
    /// A `sideloop._runners.submit.Submitted`, for whoever asks it.
    Future(Py<PyAny>),
    /// Nobody: an error is reported as asyncio reports those of tasks.
    Nobody,
}

/// What the loop thread finds of a call that it has taken from the entry queue.
#[must_use]
pub(crate) enum Begun {
    /// This is to be done.
    Run(Option<Work>),
    /// It runs already, or nobody waits for it any more.
    Skip,
}

/// What is to be done about a call that has ended.
#[must_use = "somebody may wait for it"]
pub(crate) enum Ending {
    /// The outcome is stored: tell the caller.
    HandOff(Completer),
    /// The outcome is stored, and the caller looks by itself.
    Kept,
    /// Give this future its outcome.
    Settle(Py<PyAny>, Outcome),
    /// Nobody gets the outcome: nobody waits, or the call had ended before.
    Lost(Outcome),
}

/// What is to be done about a call that is to stop.
#[must_use = "somebody may wait for it"]
pub(crate) enum Withdrawn {
    /// It never ran, and never will: here is what it was, and who is to know.
    NeverRan(Option<Work>, Option<Answer>),
    /// Have the loop thread cancel its task.
    Interrupt,
    /// Too late, or asked before.
    Nothing,
}
