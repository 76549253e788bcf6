//! The host: the one task in which all steps of an iterator or a context manager run.
//!
//! A step is a call whose awaitable is awaited in the host's task, not in a task of its own: so that
//! cancel scopes, time limits and context variables of the user's code last from one step to the next.
//!
//! ```text
//!         first step             the task runs       the step has ended
//!   New ─────────────▶ Awake ─────────────▶ Stepping ──────────────────▶ Between
//!                        ▲                     │ it was the last              │
//!                        │                     ▼ or has raised                │
//!                        │                   Over   final                     │
//!                        └────────────────────────────────────────────────────┘
//!                                  next step, or a cancellation
//! ```
//!
//! - New: there is no task. The caller's thread owns all.
//! - Awake: the task is about to run, and will look for what to do.
//! - Stepping: the task runs user code, or waits for what that waits for.
//! - Between: the task waits for the host, which is what it awaits and what wakes it: an awaitable and a
//!   future in one. Whoever starts a step steps in for the task: runs what it would run, as the current
//!   task, while it goes on to wait. Only what has to wait itself, or ends, wakes it.
//! - Over: the task has ended, or ends now.
//!
//! The loop thread moves it, except from New. A cancellation that comes between two steps (a time limit
//! in the user's code is over, the runner is closed) is raised there at once, by a step of the host's
//! own, the rescue; what comes of it waits for the next step, as do items that were read ahead.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, OnceLock};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use sideloop_core::handoff::Completer;

use crate::model::{Call, Router, RunnerCore, Step};
use crate::policy::errors::name_of;
use crate::policy::outcome::Outcome;
use crate::python::awaiting::Awaiting;
use crate::python::lock::lock;

/// Where the task is.
#[derive(Default)]
pub(crate) enum Place {
    #[default]
    New,
    Awake,
    /// With what is awaited, but while that runs.
    Stepping(Option<Awaiting>),
    /// With what wakes the task.
    Between(Py<PyAny>),
    Over,
}

impl Place {
    fn take_awaiting(&mut self) -> Option<Awaiting> {
        match self {
            Self::Stepping(awaiting) => awaiting.take(),
            Self::New | Self::Awake | Self::Between(_) | Self::Over => None,
        }
    }

    /// Take what wakes the task from between two steps.
    pub(crate) fn wake(&mut self) -> Option<Py<PyAny>> {
        match std::mem::take(self) {
            Self::Between(wake) => {
                *self = Self::Awake;
                Some(wake)
            }
            place @ (Self::New | Self::Awake | Self::Stepping(_) | Self::Over) => {
                *self = place;
                None
            }
        }
    }

    /// What is awaited now, for who looks.
    pub(crate) fn awaited(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self {
            Self::Stepping(awaiting) => Some(awaiting.as_ref()?.object().clone_ref(py)),
            Self::New | Self::Awake | Self::Between(_) | Self::Over => None,
        }
    }
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) place: Place,
    /// The step to begin, and who asked for it.
    pub(crate) next: Option<(Py<Call>, Step)>,
    /// Who asked for the step that runs.
    pub(crate) asked: Option<Py<Call>>,
    /// Whether the step that runs is the last.
    pub(crate) last: bool,
    /// Whether it is the rescue.
    pub(crate) rescuing: bool,
    /// The deadline that the steps' context has.
    pub(crate) deadline: Option<Py<PyAny>>,
    /// What nobody has asked for yet, oldest first.
    pub(crate) ready: VecDeque<Outcome>,
    /// Somebody steps in for the task.
    pub(crate) stepping_in: bool,
    /// What was met in doing so, for the task to wait for.
    pub(crate) met: Option<Py<PyAny>>,
    /// The message of a cancellation that the task has yet to see.
    pub(crate) cancelled: Option<Py<PyAny>>,
    pub(crate) task: Option<Py<PyAny>>,
    /// Who waits for the end of it all.
    pub(crate) outlasted: Option<Completer>,
}

impl Inner {
    /// Whether the task waits although less than half of what it may read ahead is there.
    pub(crate) fn runs_low(&self, read_ahead: usize) -> bool {
        matches!(self.place, Place::Between(_)) && self.ready.len() <= read_ahead / 2
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
    pub(crate) read_ahead: usize,
    /// A thread waits for a step.
    pub(crate) busy: AtomicBool,
    /// The copy of the context of the first step's caller, in which all run.
    pub(crate) context: OnceLock<Py<PyAny>>,
    /// The task's own copy of that, where it makes one: before CPython 3.11.
    pub(crate) task_context: OnceLock<Py<PyAny>>,
    /// Where the task runs. Set when that is made.
    pub(crate) core: OnceLock<Py<RunnerCore>>,
    inner: Mutex<Inner>,
}

impl Host {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The context that the steps run in.
    pub(crate) fn context(&self) -> Option<&Py<PyAny>> {
        self.task_context.get().or_else(|| self.context.get())
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.inner().place, Place::Over)
    }

    pub(crate) fn set_place(&self, place: Place) {
        let before = std::mem::replace(&mut self.inner().place, place);
        drop(before);
    }

    pub(crate) fn take_awaiting(&self) -> Option<Awaiting> {
        self.inner().place.take_awaiting()
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
        Self {
            router,
            async_fn,
            attend,
            rescue,
            next_item,
            read_ahead,
            busy: AtomicBool::new(false),
            context: OnceLock::new(),
            task_context: OnceLock::new(),
            core: OnceLock::new(),
            inner: Mutex::default(),
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
        // A lock that is held is held by a thread that lives, with what it guards.
        let Ok(inner) = self.inner.try_lock() else { return Ok(()) };
        match &inner.place {
            Place::Stepping(Some(awaiting)) => visit.call(awaiting.object())?,
            Place::Between(wake) => visit.call(wake)?,
            Place::New | Place::Awake | Place::Stepping(None) | Place::Over => {}
        }
        if let Some((call, step)) = &inner.next {
            visit.call(call)?;
            step.traverse(&visit)?;
        }
        visit.call(&inner.asked)?;
        visit.call(&inner.task)?;
        visit.call(&inner.met)?;
        inner.ready.iter().try_for_each(|outcome| match outcome {
            Outcome::Value(value) => visit.call(value),
            Outcome::Error(_) | Outcome::NotStarted => Ok(()),
        })
    }

    fn __clear__(&self) {
        let garbage = std::mem::take(&mut *self.inner());
        drop(garbage);
    }
}
