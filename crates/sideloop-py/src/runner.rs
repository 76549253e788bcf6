//! The native half of a runner: one loop and its entry, from the first call to the close.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use sideloop_core::entry::Sleep;

use crate::attached::Attached;
use crate::call::Call;
use crate::deadline::bounded;
use crate::drive::{Drive, Driver};
use crate::entry::{Bell, Entry, Message, lock};
use crate::event_loop::LoopCore;
use crate::guest::Guest;
use crate::host::Host;
use crate::nesting;
use crate::outcome::Outcome;
use crate::statistics::Counts;
use crate::task::TaskMaker;
use crate::thread;

/// Why a loop ended.
pub(crate) enum End {
    /// It was asked to: `close()`, the exit, or a caller that found it stuck.
    Asked,
    /// The user's code did it: `loop.stop()`, or this exception that left `run_forever`.
    Stopped(Option<Py<PyAny>>),
}

/// One loop's entry, from the first call to the close.
///
/// `RunnerCore(name, grace, slow, event_loop, end)`: `grace` in seconds, and after `slow` seconds a call is
/// reported. Without `end` a thread of its own runs the loop; with it the caller does, and `end(reason)`
/// unwinds and closes a loop that was stopped.
#[pyclass(frozen, module = "sideloop._sideloop", weakref)]
pub(crate) struct RunnerCore {
    pub(crate) entry: Arc<Entry>,
    pub(crate) grace: Duration,
    /// How long a call may take before it is reported.
    pub(crate) slow: Option<Duration>,
    pub(crate) name: String,
    pub(crate) drive: Drive,
    /// The loop if it is ours and hears the entry's bell; None if it is rung through the interpreter.
    pub(crate) own_loop: Option<Py<LoopCore>>,
    pub(crate) tasks: OnceLock<TaskMaker>,
    /// Calls whose task runs, by address.
    pub(crate) running: Attached<FxHashMap<usize, Py<Call>>>,
    /// Calls that this loop's thread waits for, made by code that runs on the loop: innermost last.
    pub(crate) waits_for: Mutex<Vec<Py<Call>>>,
    pub(crate) counts: Counts,
    /// Hosts whose task has not ended, by `Host::key`: the loop itself would let go of their tasks.
    hosts: Mutex<HashMap<usize, Py<Host>>>,
    /// Why the loop ended: None while it runs.
    pub(crate) end: Mutex<Option<End>>,
    /// `threading.get_ident()` of the loop thread; 0 before it runs.
    pub(crate) loop_thread: AtomicU64,
    /// A caller has found the loop blocked for longer than the grace, and has left it behind.
    pub(crate) stuck: AtomicBool,
}

impl RunnerCore {
    /// For one call on a loop that somebody else runs.
    pub(crate) fn guest(event_loop: &Bound<'_, PyAny>, grace: f64) -> PyResult<Self> {
        let name = event_loop.repr()?.to_string();
        let entry = Arc::new(Entry::new(Bell::CallSoon));
        let drive = Drive::Other(Guest::new(event_loop));
        let core = Self::with(name, grace, None, drive, entry, None);
        let _ = core.tasks.set(TaskMaker::new(event_loop)?);
        Ok(core)
    }

    /// Keep a host while its task runs.
    pub(crate) fn keep_host(&self, host: &Bound<'_, Host>) {
        lock(&self.hosts).insert(host.get().key(), host.clone().unbind());
    }

    pub(crate) fn forget_host(&self, key: usize) {
        let forgotten = lock(&self.hosts).remove(&key);
        drop(forgotten);
    }

    fn with(
        name: String,
        grace: f64,
        slow: Option<f64>,
        drive: Drive,
        entry: Arc<Entry>,
        own_loop: Option<Py<LoopCore>>,
    ) -> Self {
        Self {
            entry,
            drive,
            grace: bounded(grace),
            slow: slow.map(bounded),
            name,
            own_loop,
            tasks: OnceLock::new(),
            running: Attached::default(),
            waits_for: Mutex::default(),
            counts: Counts::new(),
            hosts: Mutex::default(),
            end: Mutex::new(None),
            loop_thread: AtomicU64::new(0),
            stuck: AtomicBool::new(false),
        }
    }
}

#[pymethods]
impl RunnerCore {
    #[new]
    #[pyo3(signature = (name, grace, slow, event_loop, end = None))]
    fn new(
        name: String,
        grace: f64,
        slow: Option<f64>,
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
        let own_loop = own_loop.map(|own| own.clone().unbind());
        Ok(Self::with(name, grace, slow, drive, entry, own_loop))
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
        drop(nesting::turn_for(slf.py(), Some(slf.clone())));
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
            Drive::Thread | Drive::Other(_) => false,
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
            Drive::Thread | Drive::Other(_) => {
                self.loop_thread.load(Ordering::Relaxed) == thread::current()
            }
        }
    }

    /// `threading.get_ident()` of the loop thread; 0 before it runs, and after.
    #[getter]
    fn loop_thread(&self) -> u64 {
        self.loop_thread.load(Ordering::Relaxed)
    }

    /// How many calls run now.
    #[getter]
    fn running(&self, py: Python<'_>) -> usize {
        self.running.with(py, |calls| calls.len())
    }

    /// Take the messages and act on them. Runs on the loop thread.
    pub(crate) fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        let mut batch = VecDeque::new();
        loop {
            core.entry.take(&mut batch);
            // One of many would be told late: hand-offs wait until there is nothing else to do.
            let may_step = batch.len() == 1 && core.is_native();
            for message in batch.drain(..) {
                match message {
                    Message::Start(call) => {
                        core.start(call.bind(slf.py()), Instant::now(), may_step)?;
                    }
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
    pub(crate) fn ask_stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        core.refuse(slf.py());
        core.entry.ask_stop();
        core.entry.ring();
        Self::ring_attached(slf)
    }

    /// The loop did not hear for the grace that `call` is to stop: it is stuck, and replaced.
    fn leave_behind(slf: &Bound<'_, Self>, call: &str) {
        Self::leave_loop_behind(slf, call, true);
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
        let tasks: Vec<_> = self
            .running
            .with(py, |calls| calls.values().filter_map(|call| call.get().task(py)).collect());
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

    /// The calls that run now: `(name, task, caller, seconds since its entry)`.
    fn running_calls(&self, py: Python<'_>) -> Vec<(String, Option<Py<PyAny>>, u64, f64)> {
        let calls: Vec<_> =
            self.running.with(py, |calls| calls.values().map(|call| call.clone_ref(py)).collect());
        let describe = |call: Py<Call>| {
            let call = call.get();
            let since = call.submitted.elapsed().as_secs_f64();
            (call.name(py), call.task(py).map(Bound::unbind), call.caller, since)
        };
        calls.into_iter().map(describe).collect()
    }

    /// The tasks whose callers have left: they were cancelled, had their grace, and were named.
    fn abandoned_tasks(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.running.with(py, |calls| {
            let abandoned = calls.values().filter(|call| call.get().phase.is_abandoned());
            abandoned.filter_map(|call| call.get().task(py)).map(Bound::unbind).collect()
        })
    }

    /// The loop is over: whoever still waits gets an error. Runs last on the loop thread.
    fn finish_all(slf: &Bound<'_, Self>) {
        let core = slf.get();
        core.refuse(slf.py());
        let calls = core.running.with(slf.py(), std::mem::take).into_values();
        for call in calls {
            let call = call.bind(slf.py());
            let error = core.stopped_error(slf.py(), call.get().name(slf.py()));
            // An error of ours that nobody waits for is no news.
            let _ = call.get().finish(slf.py(), Outcome::Error(error), core);
        }
        let hosts = std::mem::take(&mut *lock(&core.hosts));
        for host in hosts.into_values() {
            host.get().end(slf.py());
        }
        core.entry.publish();
        // The next thread may get this one's ident.
        core.loop_thread.store(0, Ordering::Relaxed);
        if let Drive::Thread = core.drive {
            drop(nesting::turn_for(slf.py(), None));
        }
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
        let all = |calls: &FxHashMap<_, _>| calls.values().try_for_each(|call| visit.call(call));
        self.running.traverse(all).unwrap_or(Ok(()))?;
        // A lock that is held is held by a thread that lives, with what it guards.
        if let Ok(calls) = self.waits_for.try_lock() {
            calls.iter().try_for_each(|call| visit.call(call))?;
        }
        if let Ok(hosts) = self.hosts.try_lock() {
            hosts.values().try_for_each(|host| visit.call(host))?;
        }
        if let Ok(end) = self.end.try_lock()
            && let Some(End::Stopped(reason)) = &*end
        {
            visit.call(reason)?;
        }
        Ok(())
    }
}
