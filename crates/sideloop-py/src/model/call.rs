//! One call: the user's function with its arguments on the way in, the outcome on the way back.
//!
//! Who may touch what follows `PhaseCell`: until `begin` the entry queue owns the work; then the
//! loop thread owns the task; `complete` gives the outcome to the caller. All of them are attached.

mod cancellations;

mod errands;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use sideloop_core::phase::{Abandon, Begin, Cancel, Complete, PhaseCell};

pub(crate) use self::errands::AskedFor;
use crate::model::{Answer, Begun, Ending, Errand, RunnerCore, Withdrawn, Work};
use crate::policy::deadline::Limit;
use crate::policy::errors::name_of;
use crate::policy::outcome::Outcome;
use crate::python::attached::Attached;
use crate::python::inside::is_in_use;
use crate::python::thread;

struct Inner {
    work: Option<Work>,
    /// When the work was taken: the call is started.
    started: Option<Instant>,
    task: Option<Py<PyAny>>,
    outcome: Option<Outcome>,
    answer: Option<Answer>,
    /// Most calls have nothing of it: they are small, and moved about.
    rarer: Option<Box<Rarer>>,
}

/// What few calls have.
#[derive(Default)]
struct Rarer {
    /// The call that its task waits for, blocking its loop, and that was cancelled with it.
    cancelled_inside: Option<Py<Call>>,
    /// The messages of the cancellations that are on their way to its task, oldest first.
    cancellations: VecDeque<Py<PyAny>>,
    /// What its code has asked the caller to run, oldest first.
    errands: VecDeque<Py<Errand>>,
    /// Those that were cut off, whose awaiting tasks are told when the call has been asked to stop.
    cut_off: Vec<Py<Errand>>,
    /// What whoever waits for its future hears of them by.
    hears: Option<Py<PyAny>>,
    /// Who waits, where threads are greenlets: as `threading` has it.
    greenlet: Option<u64>,
}

/// One call. Python sees it only as the task's done callback.
#[pyclass(frozen, module = "sideloop._sideloop", weakref)]
pub(crate) struct Call {
    phase: PhaseCell,
    runner: Py<RunnerCore>,
    /// The thread that waits, by the system's ident.
    pub(crate) caller: u64,
    pub(crate) submitted: Instant,
    /// When it is over, the call is not started any more.
    limit: Option<Py<Limit>>,
    /// The user's function; also kept for messages while the call runs.
    async_fn: Py<PyAny>,
    /// The loop thread has seen that the caller wants the call to stop.
    heard_cancel: AtomicBool,
    /// How many cancellations of whoever awaits it have come to its task.
    cancelled: AtomicUsize,
    /// Its cancellation is that of the call whose task has made it.
    for_outer: AtomicBool,
    /// And has come to that task, as what this call raises.
    passed_on: AtomicBool,
    /// There are errands, or were.
    // ORDERING: Relaxed: written and read attached, and so is `serves_no_more`.
    has_errands: AtomicBool,
    /// Its caller runs none any more.
    serves_no_more: AtomicBool,
    /// It runs in a context in which others do, too.
    pub(crate) is_in_kept_context: bool,
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
        let is_in_kept_context = match &work {
            Work::Function { is_kept, .. } => *is_kept,
            // Said in an error of who asks, that is, once somebody may.
            Work::Step(step) => is_in_use() && step.host.get().is_in_kept_context(async_fn.py()),
            Work::Refill(_) => false,
        };
        let inner = Inner {
            work: Some(work),
            started: None,
            task: None,
            outcome: None,
            answer: Some(answer),
            rarer: None,
        };
        Self {
            phase: PhaseCell::default(),
            runner,
            caller: thread::current(),
            submitted,
            limit: None,
            async_fn: async_fn.clone().unbind(),
            heard_cancel: AtomicBool::new(false),
            cancelled: AtomicUsize::new(0),
            for_outer: AtomicBool::new(false),
            passed_on: AtomicBool::new(false),
            has_errands: AtomicBool::new(false),
            serves_no_more: AtomicBool::new(false),
            is_in_kept_context,
            inner: Attached::new(inner),
        }
    }

    pub(crate) fn within(self, limit: Option<Py<Limit>>) -> Self {
        Self { limit, ..self }
    }

    /// The thread that waits is this one of its greenlets.
    pub(crate) fn set_greenlet(&self, py: Python<'_>, ident: u64) {
        self.inner.with(py, |inner| inner.rarer().greenlet = Some(ident));
    }

    /// The thread that waits, as `threading` has it.
    pub(crate) fn ident(&self, py: Python<'_>) -> u64 {
        let greenlet = self.inner.with(py, |inner| inner.rarer.as_ref()?.greenlet);
        greenlet.unwrap_or(self.caller)
    }

    /// Whether its time was over at this instant.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        let deadline = self.limit.as_ref().and_then(|limit| limit.get().deadline());
        deadline.is_some_and(|deadline| deadline.at <= now)
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

    /// The loop thread has taken the call from the entry queue.
    pub(crate) fn begin(&self, py: Python<'_>, now: Instant) -> Begun {
        self.inner.with(py, |inner| match self.phase.begin() {
            Begin::Run => {
                inner.started = Some(now);
                Begun::Run(inner.work.take())
            }
            Begin::Skip => Begun::Skip,
        })
    }

    /// It goes back unstarted. [`Begin::Run`] if it was not begun.
    pub(crate) fn send_back(&self) -> Begin {
        self.phase.begin()
    }

    pub(crate) fn set_task(&self, task: Bound<'_, PyAny>) {
        let before = self.inner.with(task.py(), |inner| inner.task.replace(task.unbind()));
        drop(before);
    }

    /// The task while it runs.
    pub(crate) fn task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.inner.with(py, |inner| inner.task.as_ref().map(|task| task.bind(py).clone()))
    }

    /// Whether this task is that one. Drops nothing: it is asked with locks held.
    pub(crate) fn is_of_task(&self, task: &Bound<'_, PyAny>) -> bool {
        self.inner.with(task.py(), |inner| inner.task.as_ref().is_some_and(|own| own.is(task)))
    }

    /// Whether its host goes on, when it has ended, with what nobody has asked for yet. Before it begins.
    pub(crate) fn reads_ahead(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inner| match &inner.work {
            Some(Work::Step(step)) => step.host.get().reads_ahead,
            Some(Work::Function { .. } | Work::Refill(_)) | None => false,
        })
    }

    /// Whether it cleans up, and has yet to be begun: it has to be, whoever wants it to stop.
    pub(crate) fn is_to_clean_up(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inner| match &inner.work {
            Some(Work::Step(step)) => step.kind.cleans_up(),
            Some(Work::Function { .. } | Work::Refill(_)) | None => false,
        })
    }

    /// Whether telling the outcome runs code of the user's: the callbacks of a future.
    pub(crate) fn is_told_by_callbacks(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inner| matches!(inner.answer, Some(Answer::Future(_))))
    }

    /// The outcome, for the caller, once.
    pub(crate) fn take_outcome(&self, py: Python<'_>) -> Option<Outcome> {
        self.inner.with(py, |inner| inner.outcome.take())
    }

    /// The outcome is there: what to do with it. The phase lets it be delivered once, and whoever looks for it
    /// comes through `inner`, as we do.
    pub(crate) fn complete(&self, py: Python<'_>, outcome: Outcome) -> Ending {
        let (ending, garbage) = self.inner.with(py, |inner| {
            let mut garbage = (inner.work.take(), inner.task.take(), None, None);
            let ending = match (self.phase.complete(), inner.answer.take()) {
                (Complete::Deliver, Some(Answer::HandOff(completer))) => {
                    inner.outcome = Some(outcome);
                    Ending::HandOff(completer)
                }
                (Complete::Deliver, Some(Answer::Driver)) => {
                    inner.outcome = Some(outcome);
                    Ending::Kept
                }
                (Complete::Deliver, Some(Answer::Future(future))) => {
                    Ending::Settle(future, outcome)
                }
                (Complete::Deliver, Some(Answer::Nobody) | None) => Ending::Lost(outcome),
                // Told before, by who has found that the loop may not run any more.
                (Complete::Drop, answer) if self.phase.is_done() => {
                    (garbage.2, garbage.3) = (answer, Some(outcome));
                    Ending::Kept
                }
                (Complete::Drop, answer) => {
                    garbage.2 = answer;
                    Ending::Lost(outcome)
                }
            };
            (ending, garbage)
        });
        drop(garbage);
        ending
    }

    /// Whoever made the call wants it to stop.
    pub(crate) fn cancel(&self, py: Python<'_>) -> Withdrawn {
        self.inner.with(py, |inner| match self.phase.cancel() {
            Cancel::NeverRan => Withdrawn::NeverRan(inner.work.take(), inner.answer.take()),
            Cancel::Interrupt => Withdrawn::Interrupt,
            Cancel::Nothing => Withdrawn::Nothing,
        })
    }

    /// The caller waits no longer.
    pub(crate) fn abandon(&self) -> Abandon {
        self.phase.abandon()
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.phase.is_queued()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phase.is_done()
    }

    pub(crate) fn is_cancelling(&self) -> bool {
        self.phase.is_cancelling()
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.phase.is_abandoned()
    }

    /// Whether the thread that made it waits for it.
    pub(crate) fn is_waited_for(&self, py: Python<'_>) -> bool {
        self.inner
            .with(py, |inner| matches!(inner.answer, Some(Answer::HandOff(_) | Answer::Driver)))
    }

    /// Whether anybody can still hear of what comes of it.
    pub(crate) fn is_asked_for(&self, py: Python<'_>) -> bool {
        !self.is_abandoned()
            && self.inner.with(py, |inner| match inner.answer {
                Some(Answer::HandOff(_) | Answer::Driver | Answer::Future(_)) => true,
                Some(Answer::Nobody) | None => false,
            })
    }

    /// The time from its entry to its start, and from there until now, once. None if it never started.
    pub(crate) fn take_times(&self, py: Python<'_>) -> Option<(Duration, Duration)> {
        let started = self.inner.with(py, |inner| inner.started.take())?;
        Some((started - self.submitted, started.elapsed()))
    }

    /// Which one of a runner's calls.
    pub(crate) fn key(slf: &Bound<'_, Self>) -> usize {
        slf.as_ptr() as usize
    }
}

#[pymethods]
impl Call {
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
            (
                inner.work.take(),
                inner.task.take(),
                inner.outcome.take(),
                inner.answer.take(),
                inner.rarer.take(),
            )
        });
        drop(garbage);
    }
}

impl Inner {
    fn rarer(&mut self) -> &mut Rarer {
        self.rarer.get_or_insert_default()
    }

    /// Whether who waits for its future hears of errands.
    fn is_heard_of(&self) -> bool {
        self.rarer.as_ref().is_some_and(|rarer| rarer.hears.is_some())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.work {
            Some(Work::Function { args, kwargs, context, is_kept: _ }) => {
                visit.call(args)?;
                visit.call(kwargs)?;
                visit.call(context)?;
            }
            Some(Work::Step(step)) => step.traverse(visit)?,
            Some(Work::Refill(host)) => visit.call(host)?,
            None => {}
        }
        visit.call(&self.task)?;
        if let Some(rarer) = &self.rarer {
            visit.call(&rarer.cancelled_inside)?;
            rarer.cancellations.iter().try_for_each(|message| visit.call(message))?;
            let errands = rarer.errands.iter().chain(&rarer.cut_off);
            errands.into_iter().try_for_each(|errand| visit.call(errand))?;
            visit.call(&rarer.hears)?;
        }
        if let Some(Answer::Future(future)) = &self.answer {
            visit.call(future)?;
        }
        match &self.outcome {
            Some(Outcome::Value(value)) => visit.call(value),
            Some(Outcome::Error(_) | Outcome::NotStarted) | None => Ok(()),
        }
    }
}
