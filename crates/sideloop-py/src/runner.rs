//! The native half of a runner: one loop's entry, the calls that run on it, and their way out.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::entry::{Push, Sleep};
use sideloop_core::handoff::{Completer, handoff};
use sideloop_core::phase::Begin;

use crate::call::{Call, Work};
use crate::cancel::{Ended, Patience};
use crate::context;
use crate::deadline::{Deadline, bounded};
use crate::drive::{Drive, Driver};
use crate::entry::{Bell, Entry, Message, lock};
use crate::errors::{Error, name_of};
use crate::event_loop::LoopCore;
use crate::handoff::Waiting;
use crate::outcome::{Outcome, is_cancelled};
use crate::task::TaskMaker;
use crate::thread;

/// What came of asking a runner to run a call.
pub(crate) enum Run {
    /// The awaited value.
    Value(Py<PyAny>),
    /// The runner was closed before the user's function was called.
    NotStarted,
}

/// Why a loop ended.
enum End {
    /// It was asked to: `close()`, the exit, or a caller that found it stuck.
    Asked,
    /// The user's code did it: `loop.stop()`, or this exception that left `run_forever`.
    Stopped(Option<Py<PyAny>>),
}

/// One loop's entry, from the first call to the close.
///
/// `RunnerCore(name, grace, event_loop, end)`: `grace` in seconds. Without `end` a thread of its own runs
/// the loop; with it the caller does, and `end(reason)` unwinds and closes a loop that was stopped.
#[pyclass(frozen, module = "sideloop._sideloop", weakref)]
pub(crate) struct RunnerCore {
    pub(crate) entry: Arc<Entry>,
    pub(crate) grace: Duration,
    name: String,
    pub(crate) drive: Drive,
    /// The loop if it is ours and hears the entry's bell; None if it is rung through the interpreter.
    pub(crate) own_loop: Option<Py<LoopCore>>,
    tasks: OnceLock<TaskMaker>,
    /// Calls whose task runs, by address.
    running: Mutex<HashMap<usize, Py<Call>>>,
    /// Why the loop ended: None while it runs.
    end: Mutex<Option<End>>,
    /// `threading.get_ident()` of the loop thread; 0 before it runs.
    loop_thread: AtomicU64,
    /// A caller has found the loop blocked for longer than the grace, and has left it behind.
    stuck: AtomicBool,
}

#[pymethods]
impl RunnerCore {
    #[new]
    #[pyo3(signature = (name, grace, event_loop, end = None))]
    fn new(
        name: String,
        grace: f64,
        event_loop: &Bound<'_, PyAny>,
        end: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let own_loop = event_loop.cast::<LoopCore>().ok();
        let own_loop = own_loop.filter(|own| own.get().epoll().is_some());
        let entry = match own_loop {
            Some(own) => Arc::clone(&own.get().entry),
            None => Arc::new(Entry::new(Bell::CallSoon)),
        };
        let drive = match end {
            Some(end) => Drive::Caller(Driver::new(event_loop, end)?),
            None => Drive::Thread,
        };
        Ok(Self {
            entry,
            drive,
            grace: bounded(grace),
            name,
            own_loop: own_loop.map(|own| own.clone().unbind()),
            tasks: OnceLock::new(),
            running: Mutex::default(),
            end: Mutex::new(None),
            loop_thread: AtomicU64::new(0),
            stuck: AtomicBool::new(false),
        })
    }

    #[getter]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Serve the loop from here on. Once, before the first call.
    fn bind(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = slf.get().tasks.set(TaskMaker::new(event_loop)?);
        if let Some(own_loop) = &slf.get().own_loop {
            own_loop.get().serve(Some(slf.clone().unbind()));
        }
        Ok(())
    }

    /// The calling thread is the loop thread from here on.
    fn enter_thread(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        // ORDERING: Relaxed: compared only with a thread's own number, which it wrote itself.
        core.loop_thread.store(thread::current(), Ordering::Relaxed);
        if core.own_loop.is_none() {
            Self::drain(slf)?;
        }
        Ok(())
    }

    /// Whether a call made now would be served.
    #[getter]
    fn accepting(&self) -> bool {
        self.entry.accepts()
    }

    /// Whether the caller drives the loop, and does so now.
    #[getter]
    pub(crate) fn driving(&self) -> bool {
        match &self.drive {
            Drive::Caller(driver) => driver.is_driving(),
            Drive::Thread => false,
        }
    }

    /// Whether this was inherited through a fork.
    #[getter]
    fn orphaned(&self) -> bool {
        self.entry.is_orphaned()
    }

    /// Whether the loop thread was asked to leave its loop, or has left it.
    #[getter]
    fn stopping(&self) -> bool {
        self.entry.is_stopping()
    }

    /// Whether a caller has left this loop behind, blocked.
    #[getter]
    fn stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Whether the calling thread is the one that runs the loop.
    #[getter]
    fn mine(&self) -> bool {
        match &self.drive {
            Drive::Caller(driver) => driver.is_mine(),
            Drive::Thread => self.loop_thread.load(Ordering::Relaxed) == thread::current(),
        }
    }

    /// How many calls run now.
    #[getter]
    fn running(&self) -> usize {
        self.calls().len()
    }

    /// Take the messages and act on them. Runs on the loop thread.
    pub(crate) fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        let mut batch = VecDeque::new();
        loop {
            core.entry.take(&mut batch);
            for message in batch.drain(..) {
                match message {
                    Message::Start(call) => core.start(call.bind(slf.py())),
                    Message::Cancel(call) => core.cancel(call.bind(slf.py()))?,
                }
            }
            // A loop of ours looks again before it sleeps; a foreign loop's bell must be armed here.
            if core.own_loop.is_some() || core.entry.prepare_sleep() == Sleep::Sleep {
                break;
            }
        }
        if core.entry.take_stop()
            && let Some(tasks) = core.tasks.get()
        {
            tasks.event_loop.call_method0(slf.py(), "stop")?;
        }
        Ok(())
    }

    /// Let no call enter any more, send those back that were not started, and ask the loop to stop.
    fn ask_stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        core.refuse(slf.py());
        core.entry.ask_stop();
        core.entry.ring();
        Self::ring_attached(slf)
    }

    /// The loop thread has left its loop: it unwinds what is left. `reason` is the exception that
    /// ended the loop, if one did.
    fn begin_unwinding(&self, py: Python<'_>, reason: Option<Py<PyAny>>) {
        let end = if self.entry.is_stopping() { End::Asked } else { End::Stopped(reason) };
        self.refuse(py);
        self.entry.left_loop();
        let before = lock(&self.end).replace(end);
        drop(before);
    }

    /// Whether this exception is the outcome of a call that runs here: its task raised it, and the
    /// loop let it through after storing it.
    pub(crate) fn is_outcome(
        &self,
        py: Python<'_>,
        exception: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let tasks: Vec<_> = self.calls().values().filter_map(|call| call.get().task(py)).collect();
        for task in tasks {
            if task.call_method0("done")?.is_truthy()?
                && !task.call_method0("cancelled")?.is_truthy()?
                && task.call_method0("exception")?.is(exception)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The tasks whose callers have left: they were cancelled, had their grace, and were named.
    fn abandoned_tasks(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let calls = self.calls();
        let abandoned = calls.values().filter(|call| call.get().phase.is_abandoned());
        abandoned.filter_map(|call| call.get().task(py)).map(Bound::unbind).collect()
    }

    /// The loop is over: whoever still waits gets an error. Runs last on the loop thread.
    fn finish_all(slf: &Bound<'_, Self>) {
        let core = slf.get();
        core.refuse(slf.py());
        let calls: Vec<_> = core.calls().drain().map(|(_, call)| call).collect();
        for call in calls {
            let call = call.bind(slf.py());
            let error = core.stopped_error(slf.py(), call);
            // An error of ours that nobody waits for is no news.
            let _ = call.get().finish(Outcome::Error(error), core);
        }
        core.entry.publish();
        if let Some(own_loop) = &core.own_loop {
            own_loop.get().serve(None);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.own_loop)?;
        if let Drive::Caller(driver) = &self.drive {
            driver.traverse(&visit)?;
        }
        self.tasks.get().map_or(Ok(()), |tasks| tasks.traverse(&visit))?;
        // A lock that is held is held by a thread that lives, with what it guards.
        if let Ok(calls) = self.running.try_lock() {
            calls.values().try_for_each(|call| visit.call(call))?;
        }
        if let Ok(end) = self.end.try_lock()
            && let Some(End::Stopped(reason)) = &*end
        {
            visit.call(reason)?;
        }
        Ok(())
    }
}

impl RunnerCore {
    fn calls(&self) -> MutexGuard<'_, HashMap<usize, Py<Call>>> {
        lock(&self.running)
    }

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
        let py = slf.py();
        let core = slf.get();
        if !core.entry.accepts() {
            return Ok(Run::NotStarted);
        }
        let patience = Patience::new(Deadline::current(py)?, core.grace);
        let work = Work {
            args: args.clone().unbind(),
            kwargs: kwargs.clone().unbind(),
            context: context::copy_current(py)?,
        };
        let new_call =
            |completer| Bound::new(py, Call::new(slf.clone().unbind(), async_fn, work, completer));
        let (call, ended) = match &core.drive {
            Drive::Caller(driver) => {
                let call = new_call(None)?;
                let ended = driver.drive(slf, &call, patience)?;
                (call, ended)
            }
            Drive::Thread => {
                if core.loop_thread.load(Ordering::Relaxed) == thread::current() {
                    return Err(Error::Deadlock.raise(py, (&core.name, name_of(async_fn))));
                }
                let (completer, waiter) = handoff();
                let call = new_call(Some(completer))?;
                let waiting = Waiting { call: &call, runner: slf, waiter, patience };
                let ended = waiting.submit_and_wait(py, Message::Start(call.clone().unbind()))?;
                (call, ended)
            }
        };
        match ended {
            Ended::Outcome(Outcome::Value(value)) => Ok(Run::Value(value)),
            Ended::Outcome(Outcome::Error(error)) => Err(error),
            Ended::Outcome(Outcome::NotStarted) => Ok(Run::NotStarted),
            Ended::Stopped(error) => Err(error),
            Ended::Abandoned(error) => {
                Self::left_behind(slf, &call, async_fn);
                Err(error)
            }
        }
    }

    /// Start a call: the user's function is called here, on the loop thread.
    pub(crate) fn start(&self, call: &Bound<'_, Call>) {
        let py = call.py();
        let inside = call.get();
        match inside.phase.begin() {
            Begin::Run => {}
            Begin::Skip => {
                drop(inside.take_work());
                return;
            }
        }
        let (Some(work), Some(tasks)) = (inside.take_work(), self.tasks.get()) else {
            return self.finish(call, Outcome::NotStarted);
        };
        self.calls().insert(key(call), call.clone().unbind());
        if let Err(error) = tasks.start(call, work) {
            self.finish(call, Outcome::error(py, error));
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
        let listed = self.calls().remove(&key(call));
        drop(listed);
        let outcome = match outcome {
            Outcome::Error(error) if self.entry.is_stopping() && is_cancelled(error.value(py)) => {
                Outcome::Error(self.stopped_error(py, call))
            }
            outcome => outcome,
        };
        if let Some(lost) = call.get().finish(outcome, self) {
            self.report_lost(py, lost);
        }
    }

    /// Complete the hand-off: when the loop thread detaches, if that is what it does next.
    pub(crate) fn hand_off(&self, completer: Completer) {
        let on_loop_thread = self.loop_thread.load(Ordering::Relaxed) == thread::current();
        let idle = on_loop_thread
            && self.own_loop.as_ref().is_some_and(|own_loop| !own_loop.get().has_ready());
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
    fn refuse(&self, py: Python<'_>) {
        for message in self.entry.close() {
            match message {
                Message::Start(call) => self.finish(call.bind(py), Outcome::NotStarted),
                Message::Cancel(_) => {}
            }
        }
    }

    /// The error for a call whose loop ended before it did.
    fn stopped_error(&self, py: Python<'_>, call: &Bound<'_, Call>) -> PyErr {
        let reason = match &*lock(&self.end) {
            Some(End::Stopped(reason)) => reason.as_ref().map(|reason| reason.clone_ref(py)),
            Some(End::Asked) | None => {
                return Error::RunnerClosed.raise(py, (&self.name, call.get().name(py), true));
            }
        };
        Error::LoopStopped.raise(py, (&self.name, call.get().name(py), reason))
    }

    /// A caller left its task behind: a loop that did not even hear it is stuck, and replaced.
    fn left_behind(slf: &Bound<'_, Self>, call: &Bound<'_, Call>, async_fn: &Bound<'_, PyAny>) {
        let (py, core) = (slf.py(), slf.get());
        let driven = matches!(core.drive, Drive::Caller(_));
        let stuck = !driven && !call.get().has_heard_cancel();
        if stuck {
            core.stuck.store(true, Ordering::Relaxed);
            let _ = Self::ask_stop(slf);
        }
        let warn = || -> PyResult<()> {
            let module = py.import("sideloop._errors")?;
            module.call_method1("warn_abandoned", (&core.name, name_of(async_fn), stuck)).map(drop)
        };
        if let Err(error) = warn() {
            error.write_unraisable(py, Some(call));
        }
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
