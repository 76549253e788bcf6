//! The native half of a runner: one loop and its entry, from the first call to the close.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::entry::{Bell, Entry};
use crate::event_loop::LoopCore;
use crate::model::counts::{Counts, Totals};
use crate::model::{Call, Drive, Driver, End, Guest, Host};
use crate::policy::deadline::bounded;
use crate::policy::errors::errors;
use crate::python::attached::Attached;
use crate::python::lock::lock;
use crate::python::thread;
use crate::tasks::TaskMaker;

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
    /// Of a guest it is made when somebody asks.
    name: OnceLock<String>,
    pub(crate) drive: Drive,
    /// The loop if it is ours, whose entry is this one's.
    pub(crate) own_loop: Option<Py<LoopCore>>,
    /// Whether it hears the entry's bell; any other loop is rung through the interpreter.
    is_native: bool,
    pub(crate) tasks: OnceLock<TaskMaker>,
    /// Calls whose task runs, by `Call::key`.
    pub(crate) running: Attached<FxHashMap<usize, Py<Call>>>,
    /// Room for messages to be drained into; empty.
    pub(crate) batch: Attached<VecDeque<Py<PyAny>>>,
    /// A call was asked to stop, and the loop thread has not heard of it.
    // ORDERING: Relaxed: written and read attached.
    pub(crate) unheard_cancel: AtomicBool,
    pub(crate) counts: Counts,
    /// Hosts whose task has not ended, by `Host::key`: the loop itself would let go of their tasks.
    hosts: Mutex<FxHashMap<usize, Py<Host>>>,
    /// Why the loop ended: None while it runs.
    pub(super) end: Mutex<Option<End>>,
    /// What a caller got in the turn that runs, if it leaves the loop as well.
    pub(super) told_exit: Attached<Option<Py<PyAny>>>,
    /// In the child of a fork that was made by what runs here: how that has ended, with None or with its exception.
    pub(super) child: Attached<Option<Option<Py<PyAny>>>>,
    /// `threading.get_ident()` of the loop thread; 0 before it runs.
    pub(crate) loop_thread: AtomicU64,
    /// A call has begun on the loop.
    // ORDERING: Relaxed: written and read attached.
    pub(crate) served: AtomicBool,
    /// What was left on the loop was cancelled, since the interpreter exits.
    settled: AtomicBool,
    /// A caller has found the loop blocked for longer than the grace, and has left it behind.
    pub(crate) stuck: AtomicBool,
}

impl RunnerCore {
    /// For one call on a loop that somebody else runs.
    pub(crate) fn guest(
        event_loop: &Bound<'_, PyAny>,
        grace: f64,
        patience: f64,
    ) -> PyResult<Self> {
        let entry = Arc::new(Entry::new(Bell::CallSoon));
        let drive = Drive::Other(Guest::new(event_loop, bounded(patience)));
        let core = Self::with(OnceLock::new(), grace, None, drive, entry, None);
        let _ = core.tasks.set(TaskMaker::new(event_loop, None)?);
        Ok(core)
    }

    /// Keep a host while its task runs.
    pub(crate) fn keep_host(&self, host: &Bound<'_, Host>) {
        let before = lock(&self.hosts).insert(host.get().key(), host.clone().unbind());
        drop(before);
    }

    pub(crate) fn forget_host(&self, key: usize) {
        let forgotten = lock(&self.hosts).remove(&key);
        drop(forgotten);
    }

    /// The hosts whose task has not ended.
    pub(super) fn hosts(&self, py: Python<'_>) -> Vec<Py<Host>> {
        lock(&self.hosts).values().map(|host| host.clone_ref(py)).collect()
    }

    /// The hosts whose task has not ended, to be ended.
    pub(crate) fn take_hosts(&self) -> Vec<Py<Host>> {
        let hosts = std::mem::take(&mut *lock(&self.hosts));
        hosts.into_values().collect()
    }

    /// Whether the loop hears the entry's bell.
    pub(crate) fn is_native(&self) -> bool {
        self.is_native
    }

    /// Whether the loop is somebody else's.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.drive, Drive::Other(_))
    }

    /// How messages name whatever its calls go through.
    pub(crate) fn label(&self, py: Python<'_>) -> String {
        let name = self.name(py);
        match self.drive {
            Drive::Thread | Drive::Caller(_) => format!("runner '{name}'"),
            Drive::Other(_) => format!("run_on({name})"),
        }
    }

    /// Whether the calling thread is the loop's own.
    pub(crate) fn on_loop_thread(&self) -> bool {
        self.loop_thread.load(Ordering::Relaxed) == thread::current()
    }

    /// Whether what is cancelled on this loop may be so because that ends.
    pub(crate) fn has_cancelled_leftovers(&self) -> bool {
        self.entry.is_stopping() || self.settled.load(Ordering::Relaxed)
    }

    fn with(
        name: OnceLock<String>,
        grace: f64,
        slow: Option<f64>,
        drive: Drive,
        entry: Arc<Entry>,
        own_loop: Option<Py<LoopCore>>,
    ) -> Self {
        let is_native = own_loop.as_ref().is_some_and(|own| own.get().poller().is_some());
        Self {
            entry,
            drive,
            grace: bounded(grace),
            slow: slow.map(bounded),
            name,
            own_loop,
            is_native,
            tasks: OnceLock::new(),
            running: Attached::default(),
            batch: Attached::default(),
            unheard_cancel: AtomicBool::new(false),
            counts: Counts::new(),
            hosts: Mutex::default(),
            end: Mutex::new(None),
            told_exit: Attached::default(),
            child: Attached::default(),
            loop_thread: AtomicU64::new(0),
            served: AtomicBool::new(false),
            settled: AtomicBool::new(false),
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
        errors(event_loop.py())?;
        let own_loop = event_loop.cast::<LoopCore>().ok();
        let entry = match own_loop {
            Some(own) => Arc::clone(&own.get().entry),
            None => Arc::new(Entry::new(Bell::CallSoon)),
        };
        let drive = match end {
            Some(end) => Drive::Caller(Driver::new(event_loop, end)?),
            None => Drive::Thread,
        };
        let own_loop = own_loop.map(|own| own.clone().unbind());
        Ok(Self::with(OnceLock::from(name), grace, slow, drive, entry, own_loop))
    }

    #[getter]
    pub(crate) fn name(&self, py: Python<'_>) -> &str {
        if let Some(known) = self.name.get() {
            return known;
        }
        let found = match &self.drive {
            Drive::Other(guest) => guest.name(py),
            Drive::Thread | Drive::Caller(_) => String::new(),
        };
        self.name.get_or_init(|| found)
    }

    /// Whether a call made now would be served.
    #[getter]
    fn accepting(&self) -> bool {
        self.entry.accepts()
    }

    /// Whether a thread of its own runs the loop, or is about to.
    #[getter]
    fn has_thread(&self) -> bool {
        matches!(self.drive, Drive::Thread)
    }

    /// Whether the caller drives the loop, and does so now.
    #[getter]
    pub(crate) fn driving(&self) -> bool {
        match &self.drive {
            Drive::Caller(driver) => driver.is_driving(),
            Drive::Thread | Drive::Other(_) => false,
        }
    }

    /// No call enters any more, but those that are in go on, and can be cancelled.
    fn begin_draining(&self) {
        self.entry.begin_draining();
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
            Drive::Thread | Drive::Other(_) => self.on_loop_thread(),
        }
    }

    /// `threading.get_ident()` of the loop thread; 0 before it runs, and after.
    #[getter]
    fn loop_thread(&self) -> u64 {
        self.loop_thread.load(Ordering::Relaxed)
    }

    /// The turn is over in which a caller got an exit.
    fn forget_exit(&self, py: Python<'_>) {
        let told = self.told_exit.with(py, Option::take);
        drop(told);
    }

    /// How many calls run now.
    #[getter]
    fn running(&self, py: Python<'_>) -> usize {
        self.running.with(py, |calls| calls.len())
    }

    /// `(waiting, returned, failed, cancelled, abandoned, queued, ran)`: numbers of calls, then seconds.
    fn counts(&self) -> Totals {
        self.counts.totals()
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

    /// What is left on the loop is cancelled, and the loop goes on.
    fn begin_settling(&self) {
        // ORDERING: Relaxed: read and written attached.
        self.settled.store(true, Ordering::Relaxed);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.own_loop)?;
        match &self.drive {
            Drive::Thread => {}
            Drive::Caller(driver) => driver.traverse(&visit)?,
            Drive::Other(guest) => guest.traverse(&visit)?,
        }
        self.tasks.get().map_or(Ok(()), |tasks| tasks.traverse(&visit))?;
        let all = |calls: &FxHashMap<_, _>| calls.values().try_for_each(|call| visit.call(call));
        self.running.traverse(all).unwrap_or(Ok(()))?;
        self.told_exit.traverse(|told| visit.call(told)).unwrap_or(Ok(()))?;
        // A lock that is held is held by a thread that lives, with what it guards.
        if let Ok(hosts) = self.hosts.try_lock() {
            hosts.values().try_for_each(|host| visit.call(host))?;
        }
        if let Ok(end) = self.end.try_lock()
            && let Some(end) = &*end
        {
            visit.call(&end.reason)?;
        }
        Ok(())
    }

    /// A call and its runner hold each other while it runs: on a loop that nobody runs any more, for ever.
    fn __clear__(&self, py: Python<'_>) {
        let calls = self.running.with(py, std::mem::take);
        drop((calls, self.take_hosts()));
    }
}

impl Drop for RunnerCore {
    fn drop(&mut self) {
        if !self.entry.is_orphaned() {
            self.counts.retire();
        }
    }
}
