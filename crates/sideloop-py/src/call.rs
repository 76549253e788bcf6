//! One call: the user's function with its arguments on the way in, the outcome on the way back.
//!
//! Who may touch what follows `PhaseCell`: until `begin` the entry queue owns the work; then the
//! loop thread owns the task; `complete` gives the outcome to the caller. All of them are attached.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::handoff::Completer;
use sideloop_core::phase::{Complete, PhaseCell};

use crate::attached::Attached;
use crate::errors::name_of;
use crate::outcome::Outcome;
use crate::runner::RunnerCore;
use crate::step::Step;
use crate::submit;
use crate::thread;

/// What there is to do.
pub(crate) enum Work {
    /// Call the user's function, in a task of its own.
    Function {
        args: Py<PyTuple>,
        kwargs: Py<PyDict>,
        /// The copy of the caller's context in which it all runs.
        context: Py<PyAny>,
    },
    /// Await something in a task that is there.
    Step(Step),
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

struct Inner {
    work: Option<Work>,
    /// When the work was taken: the call is started.
    started: Option<Instant>,
    task: Option<Py<PyAny>>,
    outcome: Option<Outcome>,
    answer: Option<Answer>,
}

/// One call. Python sees it only as the task's done callback.
#[pyclass(frozen, module = "sideloop._sideloop", weakref)]
pub(crate) struct Call {
    pub(crate) phase: PhaseCell,
    runner: Py<RunnerCore>,
    /// `threading.get_ident()` of the thread that waits.
    pub(crate) caller: u64,
    pub(crate) submitted: Instant,
    /// The user's function; also kept for messages while the call runs.
    async_fn: Py<PyAny>,
    /// The loop thread has seen that the caller wants the call to stop.
    heard_cancel: AtomicBool,
    inner: Attached<Inner>,
}

impl Call {
    pub(crate) fn new(
        runner: Py<RunnerCore>,
        async_fn: &Bound<'_, PyAny>,
        work: Work,
        answer: Answer,
        submitted: Instant,
    ) -> Self {
        let inner = Inner {
            work: Some(work),
            started: None,
            task: None,
            outcome: None,
            answer: Some(answer),
        };
        Self {
            phase: PhaseCell::default(),
            runner,
            caller: thread::current(),
            submitted,
            async_fn: async_fn.clone().unbind(),
            heard_cancel: AtomicBool::new(false),
            inner: Attached::new(inner),
        }
    }

    pub(crate) fn async_fn<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.async_fn.bind(py)
    }

    pub(crate) fn runner<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, RunnerCore> {
        self.runner.bind(py)
    }

    /// What to call it in messages.
    pub(crate) fn name(&self, py: Python<'_>) -> String {
        name_of(self.async_fn.bind(py))
    }

    pub(crate) fn heard_cancel(&self) {
        // ORDERING: Relaxed: a flag on its own, written and read attached.
        self.heard_cancel.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_heard_cancel(&self) -> bool {
        self.heard_cancel.load(Ordering::Relaxed)
    }

    /// The work, for the one who starts it.
    pub(crate) fn take_work(&self, py: Python<'_>, now: Instant) -> Option<Work> {
        self.inner.with(py, |inner| {
            inner.started = Some(now);
            inner.work.take()
        })
    }

    pub(crate) fn set_task(&self, task: Bound<'_, PyAny>) {
        let before = self.inner.with(task.py(), |inner| inner.task.replace(task.unbind()));
        drop(before);
    }

    /// The task while it runs.
    pub(crate) fn task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.inner.with(py, |inner| inner.task.as_ref().map(|task| task.bind(py).clone()))
    }

    /// Who gets the outcome, for the one who gives it in the call's stead.
    pub(crate) fn take_answer(&self, py: Python<'_>) -> Option<Answer> {
        self.inner.with(py, |inner| inner.answer.take())
    }

    /// The outcome, for the caller, once.
    pub(crate) fn take_outcome(&self, py: Python<'_>) -> Option<Outcome> {
        self.inner.with(py, |inner| inner.outcome.take())
    }

    /// The task is done: capture its outcome. Runs on the loop thread.
    pub(crate) fn finish_with(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) {
        let runner = slf.get().runner.bind(slf.py());
        runner.get().finish(slf, Outcome::capture(task));
    }

    /// Store the outcome and hand it off. Returns an error that nobody waits for.
    pub(crate) fn finish(
        &self,
        py: Python<'_>,
        outcome: Outcome,
        runner: &RunnerCore,
    ) -> Option<PyErr> {
        let (before, work, started, task, answer) = self.inner.with(py, |inner| {
            let before = inner.outcome.replace(outcome);
            (before, inner.work.take(), inner.started, inner.task.take(), inner.answer.take())
        });
        if let Some(started) = started {
            runner.counts.note_times(started - self.submitted, started.elapsed());
        }
        drop((before, work, task));
        match (self.phase.complete(), answer) {
            (Complete::Deliver, Some(Answer::HandOff(completer))) => {
                runner.hand_off(py, completer);
                None
            }
            (Complete::Deliver, Some(Answer::Driver) | None) => None,
            (Complete::Deliver, Some(Answer::Future(future))) => {
                self.take_outcome(py).and_then(|outcome| {
                    runner.count(py, &outcome);
                    submit::settle(future.bind(py), outcome)
                })
            }
            (Complete::Deliver, Some(Answer::Nobody)) | (Complete::Drop, _) => {
                match self.take_outcome(py) {
                    Some(Outcome::Error(error)) => Some(error),
                    Some(Outcome::Value(_) | Outcome::NotStarted) | None => None,
                }
            }
        }
    }
}

#[pymethods]
impl Call {
    /// The task is done: capture its outcome. Runs on the loop thread.
    fn __call__(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) {
        Self::finish_with(slf, task);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<sideloop call of {}>", self.name(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.runner)?;
        visit.call(&self.async_fn)?;
        self.inner.traverse(|inner| inner.traverse(&visit)).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        let garbage = self.inner.with(py, |inner| {
            (inner.work.take(), inner.task.take(), inner.outcome.take(), inner.answer.take())
        });
        drop(garbage);
    }
}

impl Inner {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.work {
            Some(Work::Function { args, kwargs, context }) => {
                visit.call(args)?;
                visit.call(kwargs)?;
                visit.call(context)?;
            }
            Some(Work::Step(step)) => step.traverse(visit)?,
            None => {}
        }
        visit.call(&self.task)?;
        if let Some(Answer::Future(future)) = &self.answer {
            visit.call(future)?;
        }
        match &self.outcome {
            Some(Outcome::Value(value)) => visit.call(value),
            Some(Outcome::Error(_) | Outcome::NotStarted) | None => Ok(()),
        }
    }
}
