//! An errand: a sync function that async code has its caller run, the thread that waits for its call.
//!
//! ```text
//!            begin()            end()              take()
//!   Asked ───────────▶ Begun ───────────▶ Ended ───────────▶ Over   final
//!     │ │                                                     ▲
//!     │ │ refuse()                     withdraw()             │
//!     │ └─────────▶ Refused   final                           │
//!     └───────────────────────────────────────────────────────┘
//! ```
//!
//! - Asked: it lies with its call. Nothing of the user's has run.
//! - Begun: the caller's thread runs it.
//! - Ended: what it came to is on its way to the loop, or is not needed any more. If it was cut off, its call is
//!   cancelled: who awaits it is told some turns of the loop later than the call's task, since each turn brings a
//!   cancellation one task further. Told before, he would clean up, and be cancelled in the midst of that.
//! - Refused: the caller waits no longer. Who awaits it asks again, and is told why, or meets the next caller.
//! - Over: the awaiting task has it, or went on without.

use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::generation;

use crate::policy::outcome::Outcome;
use crate::python::attached::Attached;
use crate::python::names::names;

/// How many tasks a cancellation may have to pass before it comes to that which awaits what was cut off.
const TURNS: u8 = 16;

/// What there is to run, and in which context.
pub(crate) struct Ask {
    pub(crate) sync_fn: Py<PyAny>,
    pub(crate) args: Py<PyTuple>,
    pub(crate) kwargs: Py<PyDict>,
    pub(crate) context: Py<PyAny>,
}

enum State {
    Asked(Ask),
    Begun,
    Ended(Outcome),
    Refused,
    Over,
}

/// One errand. Python awaits its `future`, and withdraws it.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Errand {
    pub(crate) event_loop: Py<PyAny>,
    /// asyncio's, of that loop. Without the interpreter lock a class of ours, which says whether it is given up.
    pub(crate) future: Py<PyAny>,
    /// For how many turns of the loop it is not told yet what it has come to.
    // ORDERING: Relaxed: read and written attached.
    turns: AtomicU8,
    generation: u32,
    state: Attached<State>,
}

impl Errand {
    pub(crate) fn new(ask: Ask, event_loop: &Bound<'_, PyAny>, future: Bound<'_, PyAny>) -> Self {
        Self {
            event_loop: event_loop.clone().unbind(),
            future: future.unbind(),
            turns: AtomicU8::new(0),
            generation: generation::current(),
            state: Attached::new(State::Asked(ask)),
        }
    }

    /// The caller is about to run it. None if it was withdrawn.
    pub(crate) fn begin(&self, py: Python<'_>) -> Option<Ask> {
        self.state.with(py, |state| match std::mem::replace(state, State::Begun) {
            State::Asked(ask) => Some(ask),
            before => {
                *state = before;
                None
            }
        })
    }

    /// What it has come to.
    pub(crate) fn end(&self, py: Python<'_>, outcome: Outcome) {
        let before = self.state.with(py, |state| std::mem::replace(state, State::Ended(outcome)));
        drop(before);
    }

    /// It was cut off, by what has interrupted its call as well.
    pub(crate) fn cut_off(&self, py: Python<'_>, error: PyErr) {
        self.turns.store(TURNS, Ordering::Relaxed);
        self.end(py, Outcome::Error(error));
    }

    /// Whether who awaits it is to be told in a later turn of the loop. Each turn asks once.
    pub(crate) fn is_told_later(&self) -> bool {
        let left = self.turns.load(Ordering::Relaxed);
        self.turns.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// The caller will not run it. Gives back what is dropped now; None if it was withdrawn.
    pub(crate) fn refuse(&self, py: Python<'_>) -> Option<Ask> {
        self.state.with(py, |state| match std::mem::replace(state, State::Refused) {
            State::Asked(ask) => Some(ask),
            before => {
                *state = before;
                None
            }
        })
    }

    pub(crate) fn is_refused(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| matches!(state, State::Refused))
    }

    /// What it has come to, for who awaits it. None if that is told already, or nobody wants to know.
    pub(crate) fn take(&self, py: Python<'_>) -> Option<Outcome> {
        self.state.with(py, |state| match std::mem::replace(state, State::Over) {
            State::Ended(outcome) => Some(outcome),
            State::Over => None,
            before => {
                *state = before;
                None
            }
        })
    }

    /// Whether who awaits it was cancelled, and has yet to hear of that.
    pub(crate) fn is_given_up(&self, py: Python<'_>) -> bool {
        let future = self.future.bind(py);
        let cancelled = if cfg!(Py_GIL_DISABLED) {
            future.getattr("given_up")
        } else {
            future.call_method0(names(py).cancelled.bind(py))
        };
        cancelled.and_then(|cancelled| cancelled.is_truthy()).unwrap_or(false)
    }

    /// Whether a fork was made since it was asked for.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != generation::current()
    }
}

#[pymethods]
impl Errand {
    /// The future of what it comes to.
    #[getter]
    fn future<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.future.bind(py)
    }

    /// Whether the caller has left before it began: ask again.
    #[getter]
    fn refused(&self, py: Python<'_>) -> bool {
        self.is_refused(py)
    }

    /// Who awaits it goes on. False if it has begun.
    pub(crate) fn withdraw(&self, py: Python<'_>) -> bool {
        let before = self.state.with(py, |state| match state {
            State::Asked(_) => Some(std::mem::replace(state, State::Over)),
            State::Begun | State::Ended(_) | State::Refused | State::Over => None,
        });
        before.is_some()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.future)?;
        let look = |state: &State| match state {
            State::Asked(ask) => {
                visit.call(&ask.sync_fn)?;
                visit.call(&ask.args)?;
                visit.call(&ask.kwargs)?;
                visit.call(&ask.context)
            }
            State::Ended(Outcome::Value(value)) => visit.call(value),
            State::Begun | State::Ended(_) | State::Refused | State::Over => Ok(()),
        };
        self.state.traverse(look).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        let before = self.state.with(py, |state| std::mem::replace(state, State::Over));
        drop(before);
    }
}
