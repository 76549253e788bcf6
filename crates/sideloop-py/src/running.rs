//! The calls that run on one loop: from the caller's thread to the loop and back.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::entry::Push;
use sideloop_core::handoff::{Completer, handoff};
use sideloop_core::phase::Begin;

use crate::call::{Answer, Call, Work};
use crate::cancel::{Ended, Patience};
use crate::context;
use crate::deadline::Deadline;
use crate::drive::Drive;
use crate::entry::{Message, lock};
use crate::errors::{Error, name_of};
use crate::handoff::Waiting;
use crate::importing;
use crate::nesting::Nested;
use crate::outcome::{Outcome, is_cancelled};
use crate::runner::{End, RunnerCore};
use crate::thread;

/// What came of asking a runner to run a call.
pub(crate) enum Run {
    /// The awaited value.
    Value(Py<PyAny>),
    /// The runner was closed before the user's function was called.
    NotStarted,
}

impl RunnerCore {
    /// Whether the loop hears the entry's bell.
    pub(crate) fn is_native(&self) -> bool {
        self.own_loop.is_some()
    }

    /// Run a call to its end, or learn that it was not started.
    pub(crate) fn run(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Run> {
        let context = context::copy_current(slf.py())?;
        let (args, kwargs) = (args.clone().unbind(), kwargs.clone().unbind());
        let work = Work::Function { args, kwargs, context };
        Self::wait_for(slf, async_fn, work, Deadline::current(slf.py())?)
    }

    /// Do some work for this function, and wait until it is done or patience ends.
    pub(crate) fn wait_for(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        work: Work,
        deadline: Option<Deadline>,
    ) -> PyResult<Run> {
        let py = slf.py();
        let core = slf.get();
        if !core.entry.accepts() {
            return Ok(Run::NotStarted);
        }
        let now = Instant::now();
        let report = core.slow.map(|slow| now + slow);
        let patience = Patience::new(deadline, core.grace, report);
        let new_call =
            |answer| Bound::new(py, Call::new(slf.clone().unbind(), async_fn, work, answer, now));
        let (call, ended) = match &core.drive {
            Drive::Caller(driver) => {
                let call = new_call(Answer::Driver)?;
                let _nested = Nested::enter(&call)?;
                core.counts.entered.add(1);
                let ended = driver.drive(slf, &call, patience);
                (call, ended)
            }
            Drive::Thread | Drive::Other(_) => {
                let (completer, waiter) = handoff();
                let call = new_call(Answer::HandOff(completer))?;
                let _nested = Nested::enter(&call)?;
                let _import = importing::Wait::begin(slf)?;
                core.counts.entered.add(1);
                let waiting = Waiting { call: &call, runner: slf, waiter, patience };
                let ended = waiting.submit_and_wait(py, Message::Start(call.clone().unbind()));
                (call, ended)
            }
        };
        match ended.inspect_err(|_| core.counts.sent_back.add(1))? {
            Ended::Outcome(Outcome::Value(value)) => {
                core.counts.returned.add(1);
                Ok(Run::Value(value))
            }
            Ended::Outcome(Outcome::Error(error)) => {
                core.counts.failed.add(1);
                Err(error)
            }
            Ended::Outcome(Outcome::NotStarted) => {
                core.counts.sent_back.add(1);
                Ok(Run::NotStarted)
            }
            Ended::Stopped(error) => {
                core.counts.cancelled.add(1);
                Err(error)
            }
            Ended::Abandoned(error) => {
                core.counts.abandoned.add(1);
                Self::left_behind(slf, &call, async_fn);
                Err(error)
            }
        }
    }

    /// Start a call: the user's function is called here, on the loop thread. With `may_step` its task may make
    /// its first step here too, if nothing else is ready.
    ///
    /// # Errors
    /// `SystemExit` and `KeyboardInterrupt` of that step, as from any callback of the loop.
    pub(crate) fn start(
        &self,
        call: &Bound<'_, Call>,
        now: Instant,
        may_step: bool,
    ) -> PyResult<()> {
        let py = call.py();
        let inside = call.get();
        match inside.phase.begin() {
            Begin::Run => {}
            Begin::Skip => {
                drop(inside.take_work(py, now));
                return Ok(());
            }
        }
        let (Some(work), Some(tasks)) = (inside.take_work(py, now), self.tasks.get()) else {
            self.finish(call, Outcome::NotStarted);
            return Ok(());
        };
        self.running.with(py, |calls| calls.insert(key(call), call.clone().unbind()));
        match tasks.start(call, work, may_step) {
            Ok(Some(first_step)) => first_step.run(py),
            Ok(None) => Ok(()),
            Err(error) => {
                self.finish(call, Outcome::error(py, error));
                Ok(())
            }
        }
    }

    /// Cancel the task of a call. Runs on the loop thread.
    pub(crate) fn cancel(&self, call: &Bound<'_, Call>) -> PyResult<()> {
        call.get().heard_cancel();
        match call.get().task(call.py()) {
            Some(task) => task.call_method0("cancel").map(drop),
            None => Ok(()),
        }
    }

    /// The outcome of a call is there. Runs on the loop thread.
    pub(crate) fn finish(&self, call: &Bound<'_, Call>, outcome: Outcome) {
        let py = call.py();
        let listed = self.running.with(py, |calls| calls.remove(&key(call)));
        drop(listed);
        let outcome = match outcome {
            Outcome::Error(error) if self.entry.is_stopping() && is_cancelled(error.value(py)) => {
                Outcome::Error(self.stopped_error(py, call.get().name(py)))
            }
            outcome => outcome,
        };
        if let Some(lost) = call.get().finish(py, outcome, self) {
            self.report_lost(py, lost);
        }
    }

    /// Complete the hand-off: when the loop thread detaches, if that is what it does next.
    pub(crate) fn hand_off(&self, py: Python<'_>, completer: Completer) {
        let on_loop_thread = self.loop_thread.load(Ordering::Relaxed) == thread::current();
        let idle = on_loop_thread
            && self.own_loop.as_ref().is_some_and(|own_loop| !own_loop.get().has_ready(py));
        if idle { self.entry.defer(completer) } else { completer.complete() }
    }

    /// Ask the loop thread to cancel the task of this call.
    pub(crate) fn send_cancel(slf: &Bound<'_, Self>, call: &Bound<'_, Call>) {
        let core = slf.get();
        // A closed entry cancels all its tasks anyway.
        if let Ok(Push::Wake) = core.entry.push(Message::Cancel(call.clone().unbind())) {
            core.entry.ring();
            // A second interrupt, while the first is being answered, is no news.
            let _ = Self::ring_attached(slf);
        }
    }

    /// Wake a loop that somebody else wrote. Its waking is Python code, in which a signal handler may
    /// raise: the loop is woken all the same, and the exception comes back.
    pub(crate) fn ring_attached(slf: &Bound<'_, Self>) -> PyResult<()> {
        /// A loop that refuses more often than this refuses for a reason of its own.
        const TRIES: usize = 64;
        let core = slf.get();
        let Some(tasks) = core.tasks.get().filter(|_| !core.is_native()) else { return Ok(()) };
        let mut interrupted = Ok(());
        for _ in 0..TRIES {
            let Err(error) = tasks.ring(slf) else { break };
            let event_loop = tasks.event_loop.bind(slf.py());
            if event_loop.call_method0("is_closed").and_then(|it| it.is_truthy()).unwrap_or(true) {
                // Its thread is past its last look, and answers by itself.
                break;
            }
            interrupted = interrupted.and(Err(error));
        }
        interrupted
    }

    /// Close the entry, and send back the calls that were not started.
    pub(crate) fn refuse(&self, py: Python<'_>) {
        for message in self.entry.close() {
            match message {
                Message::Start(call) => self.finish(call.bind(py), Outcome::NotStarted),
                Message::Cancel(_) => {}
            }
        }
    }

    /// The error for a call whose loop ended before it did.
    pub(crate) fn stopped_error(&self, py: Python<'_>, call: String) -> PyErr {
        let reason = match &*lock(&self.end) {
            Some(End::Stopped(reason)) => reason.as_ref().map(|reason| reason.clone_ref(py)),
            Some(End::Asked) | None => {
                return Error::RunnerClosed.raise(py, (&self.name, call, true));
            }
        };
        Error::LoopStopped.raise(py, (&self.name, call, reason))
    }

    /// A caller left its task behind: a loop that did not even hear it is stuck.
    fn left_behind(slf: &Bound<'_, Self>, call: &Bound<'_, Call>, async_fn: &Bound<'_, PyAny>) {
        let driven = matches!(slf.get().drive, Drive::Caller(_));
        let stuck = !driven && !slf.get().is_guest() && !call.get().has_heard_cancel();
        Self::leave_loop_behind(slf, &name_of(async_fn), stuck);
    }

    /// Warn of a call that was left behind, and replace its loop if that is stuck.
    pub(crate) fn leave_loop_behind(slf: &Bound<'_, Self>, call: &str, stuck: bool) {
        let (py, core) = (slf.py(), slf.get());
        if stuck {
            core.stuck.store(true, Ordering::Relaxed);
            let _ = Self::ask_stop(slf);
        }
        let warn = || -> PyResult<()> {
            let module = py.import("sideloop._base.errors")?;
            module.call_method1("warn_abandoned", (&core.name, call, stuck)).map(drop)
        };
        if let Err(error) = warn() {
            error.write_unraisable(py, Some(slf));
        }
    }

    /// Report, once, that a call takes long. Returns what a signal handler has raised meanwhile.
    pub(crate) fn report_slow(call: &Bound<'_, Call>) -> Option<PyErr> {
        let (py, inside) = (call.py(), call.get());
        let report = || -> PyResult<()> {
            let since = inside.submitted.elapsed().as_secs_f64();
            let core = inside.runner(py);
            let task = inside.task(py);
            let module = py.import("sideloop._inside.dump")?;
            module.call_method1("report_slow", (core, inside.name(py), task, since)).map(drop)
        };
        let error = report().err()?;
        if error.is_instance_of::<PyException>(py) {
            // A report that fails is no reason to give the call up.
            error.write_unraisable(py, Some(call));
            return None;
        }
        Some(error)
    }

    /// An error that nobody waits for goes where asyncio reports those.
    fn report_lost(&self, py: Python<'_>, error: PyErr) {
        if is_cancelled(error.value(py)) {
            return;
        }
        let report = || -> PyResult<()> {
            let Some(tasks) = self.tasks.get() else { return Ok(()) };
            let about = PyDict::new(py);
            about.set_item(
                "message",
                "exception in a sideloop call that nobody waits for any more",
            )?;
            about.set_item("exception", error.value(py))?;
            tasks.event_loop.call_method1(py, "call_exception_handler", (about,)).map(drop)
        };
        if let Err(error) = report() {
            error.write_unraisable(py, None);
        }
    }
}

fn key(call: &Bound<'_, Call>) -> usize {
    call.as_ptr() as usize
}
