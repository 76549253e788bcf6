//! The host: the one task in which all steps of an iterator or a context manager run.
//!
//! A step is a call whose awaitable is awaited in the host's task, not in a task of its own: so that
//! cancel scopes, time limits and context variables of the user's code last from one step to the next.
//!
//! Where it is, and what may come next, is one state (`sideloop_core::host`). Between two steps the task waits for
//! the host, which is what it awaits and what wakes it: an awaitable and a future in one. Whoever starts a step
//! steps in for the task: runs what it would run, as the current task, while it goes on to wait. Only what has to
//! wait itself, or ends, wakes it.
//!
//! A cancellation that comes between two steps (a time limit in the user's code is over, the runner is closed)
//! is raised there at once, by a step of the host's own, the rescue; what comes of it waits for the next step,
//! as do items that were read ahead.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyStopAsyncIteration};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::{self, Asker, Held, Kind, Left, Parts};

use crate::model::{Call, Router, RunnerCore, Variables};
use crate::policy::errors::{made, name_of};
use crate::policy::outcome::{Outcome, is_cancelled};
use crate::python::attached::Attached;
use crate::python::awaiting::Awaiting;

/// What its states are made of.
pub(crate) struct Objects;

impl Parts for Objects {
    type Call = Asked;
    type Work = Todo;
    type Awaiting = Awaiting;
    type Object = Py<PyAny>;
    type Outcome = Kept;
}

pub(crate) type State = host::Host<Objects>;

/// The call that asked for a step.
pub(crate) struct Asked(pub(crate) Py<Call>);

impl Asker for Asked {
    fn waits(&self) -> bool {
        !self.0.get().is_abandoned()
    }
}

/// What to await: `async_fn(*args)`.
pub(crate) struct Todo {
    pub(crate) async_fn: Py<PyAny>,
    pub(crate) args: Option<Py<PyTuple>>,
}

impl Todo {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.async_fn)?;
        visit.call(&self.args)
    }
}

/// What came of a step, as the collector can see it.
pub(crate) enum Kept {
    Value(Py<PyAny>),
    Error(Py<PyBaseException>),
}

impl host::Outcome for Kept {
    fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

impl Kept {
    pub(crate) fn error(py: Python<'_>, error: PyErr) -> Self {
        match Outcome::error(py, error) {
            Outcome::Value(value) => Self::Value(value),
            Outcome::Error(error) => Self::Error(error.into_value(py)),
            Outcome::NotStarted => Self::Value(py.None()),
        }
    }

    pub(crate) fn outcome(self, py: Python<'_>) -> Outcome {
        match self {
            Self::Value(value) => Outcome::Value(value),
            Self::Error(error) => {
                Outcome::Error(PyErr::from_value(error.into_bound(py).into_any()))
            }
        }
    }

    /// Whether a step that closes is to raise it: that it was cancelled, or came to its end, is no error.
    fn is_worth_raising(&self, py: Python<'_>) -> bool {
        match self {
            Self::Value(_) => false,
            Self::Error(error) => {
                let error = error.bind(py);
                !is_cancelled(error) && !error.is_instance_of::<PyStopAsyncIteration>()
            }
        }
    }
}

/// What is left for a step that comes when all is over.
pub(crate) fn left_over(py: Python<'_>, left: Left<Kept>) -> Option<Outcome> {
    let kept = match left {
        Left::Next(kept) => kept,
        Left::All(all) => all.into_iter().find(|kept| kept.is_worth_raising(py)),
    };
    kept.map(|kept| kept.outcome(py))
}

/// The outcome of a step that comes when all is over, and nothing is left.
pub(crate) fn nothing_left(py: Python<'_>, kind: Kind) -> Outcome {
    match kind {
        Kind::Item => Outcome::Error(made::<PyStopAsyncIteration>(py, ())),
        Kind::Word | Kind::Only | Kind::Exit | Kind::Close | Kind::Collect => {
            Outcome::Value(py.None())
        }
    }
}

/// `Host(router, async_fn, attend, rescue, next_item, read_ahead)`: `async_fn` names it in messages,
/// `attend(host)` is the coroutine of its task, which awaits it, `rescue(cancellation)` what to await for a
/// cancellation between two steps. If `next_item` is given, up to `read_ahead` outcomes of it are made
/// before they are asked for.
#[pyclass(frozen, module = "sideloop._sideloop", weakref)]
pub(crate) struct Host {
    pub(crate) router: Py<Router>,
    pub(crate) async_fn: Py<PyAny>,
    pub(crate) attend: Py<PyAny>,
    pub(crate) rescue: Py<PyAny>,
    pub(crate) next_item: Option<Py<PyAny>>,
    /// The copy of the context of the first step's caller, in which all run.
    pub(crate) context: OnceLock<Py<PyAny>>,
    /// The task's own copy of that, where it makes one: before CPython 3.11.
    pub(crate) task_context: OnceLock<Py<PyAny>>,
    /// The deadline that this context has.
    pub(crate) deadline: Attached<Option<Py<PyAny>>>,
    /// Where the task runs. Set when that is made.
    pub(crate) core: OnceLock<Py<RunnerCore>>,
    pub(crate) task: OnceLock<Py<PyAny>>,
    /// Items are made before they are asked for.
    pub(crate) reads_ahead: bool,
    /// Futures that are done when the next step has come in, or none will.
    looking: Attached<Vec<Py<PyAny>>>,
    /// Who has run the last step, as `threading` has it, where items are read ahead.
    // ORDERING: Relaxed: written and read attached.
    stepped_by: AtomicU64,
    state: Attached<State>,
}

impl Host {
    /// Look at the state, or move it. `transition` is one of those; what it gives is acted on afterwards.
    pub(crate) fn with<R>(&self, py: Python<'_>, transition: impl FnOnce(&mut State) -> R) -> R {
        self.state.with(py, transition)
    }

    /// The context that the steps run in.
    pub(crate) fn context(&self) -> Option<&Py<PyAny>> {
        self.task_context.get().or_else(|| self.context.get())
    }

    /// What nobody had asked for, to whoever asks now: a cancellation that came because the loop ends, as what it was.
    pub(crate) fn explained(&self, py: Python<'_>, outcome: Outcome) -> Outcome {
        let core = self.core.get().map(|core| core.bind(py).get());
        match (outcome, core.filter(|core| core.has_cancelled_leftovers())) {
            (Outcome::Error(error), Some(core)) if is_cancelled(error.value(py)) => {
                Outcome::Error(core.stopped_error(py, name_of(self.async_fn.bind(py))))
            }
            (outcome, _) => outcome,
        }
    }

    /// Whether its steps run in a context in which others do, too.
    pub(crate) fn is_in_kept_context(&self, py: Python<'_>) -> bool {
        matches!(self.router.bind(py).get().variables, Variables::Kept(_))
    }

    /// This thread runs a step.
    pub(crate) fn note_stepped_by(&self, ident: u64) {
        self.stepped_by.store(ident, Ordering::Relaxed);
    }

    /// The thread that has run the last step.
    pub(crate) fn stepped_by(&self) -> u64 {
        self.stepped_by.load(Ordering::Relaxed)
    }

    /// Have this future done when the next step has come in, or none will.
    pub(crate) fn tell_next_step(&self, future: &Bound<'_, PyAny>) {
        self.looking.with(future.py(), |looking| looking.push(future.clone().unbind()));
    }

    /// Those who wait for the next step.
    pub(crate) fn take_looking(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.looking.with(py, std::mem::take)
    }

    /// Which one of a runner's hosts.
    pub(crate) fn key(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }
}

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (router, async_fn, attend, rescue, next_item = None, read_ahead = 0))]
    pub(crate) fn new(
        router: Py<Router>,
        async_fn: Py<PyAny>,
        attend: Py<PyAny>,
        rescue: Py<PyAny>,
        next_item: Option<Py<PyAny>>,
        read_ahead: usize,
    ) -> Self {
        let read_ahead = if next_item.is_some() { read_ahead } else { 0 };
        Self {
            router,
            async_fn,
            attend,
            rescue,
            next_item,
            context: OnceLock::new(),
            task_context: OnceLock::new(),
            deadline: Attached::default(),
            core: OnceLock::new(),
            task: OnceLock::new(),
            reads_ahead: read_ahead > 0,
            looking: Attached::default(),
            stepped_by: AtomicU64::new(0),
            state: Attached::new(State::new(read_ahead)),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<sideloop host of {}>", name_of(self.async_fn.bind(py)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for object in [&self.async_fn, &self.attend, &self.rescue] {
            visit.call(object)?;
        }
        visit.call(&self.router)?;
        visit.call(&self.next_item)?;
        visit.call(self.context.get())?;
        visit.call(self.task_context.get())?;
        visit.call(self.core.get())?;
        visit.call(self.task.get())?;
        self.looking
            .traverse(|looking| looking.iter().try_for_each(|future| visit.call(future)))
            .unwrap_or(Ok(()))?;
        let look = |held: Held<'_, Objects>| match held {
            Held::Call(asked) => visit.call(&asked.0),
            Held::Wish(wish) => {
                visit.call(&wish.call.0)?;
                wish.work.traverse(&visit)
            }
            Held::Awaiting(awaiting) => visit.call(awaiting.object()),
            Held::Object(object) => visit.call(object),
            Held::Outcome(Kept::Value(value)) => visit.call(value),
            Held::Outcome(Kept::Error(error)) => visit.call(error),
        };
        self.state.traverse(|state| state.try_for_each(look)).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        let garbage = self.with(py, State::clear);
        drop(garbage);
    }
}
