//! The loop's core: its state, and what the rest of the loop asks of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySuper, PyTuple, PyType};
use sideloop_core::entry::Push;

use super::brief::Briefs;
use super::field::Field;
use super::first_step::Hold;
use super::handle;
use super::hidden::Hidden;
use super::looks::{FirstLooks, Looks};
use super::outbox::Outbox;
use super::overrides::Overrides;
use super::ready::ReadyQueue;
use super::tenant::{Let, Tenant};
use crate::entry::{Bell, Entry};
use crate::python::attached::Attached;
use crate::python::names::names;
use crate::python::thread;
use crate::system::poller::Poller;

/// The scheduling half of `sideloop.EventLoop`: a mixin to stand before an asyncio event loop.
///
/// All its methods but `call_soon_threadsafe` belong to the thread that runs the loop. What another thread schedules
/// by one of them is run all the same, but in debug mode.
#[pyclass(frozen, subclass, dict, weakref, module = "sideloop._sideloop")]
pub(crate) struct LoopCore {
    pub(crate) entry: Arc<Entry>,
    pub(super) overrides: Overrides,
    pub(super) ready: Py<ReadyQueue>,
    pub(super) hold: Hold,
    pub(super) tenant: Let,
    pub(super) outbox: Outbox,
    pub(super) briefs: Attached<Briefs>,
    /// Whether readers and writers may be brief.
    pub(super) may_be_brief: AtomicBool,
    /// Where files are read into, before it is known how much there is: taken out meanwhile.
    pub(super) room: Attached<Vec<u8>>,
    /// For files that are ready before the loop waits.
    pub(super) looks: Attached<FirstLooks>,
    /// For connections that come in with another one.
    crowds: Attached<Looks>,
    pub(super) scheduled: Field,
    pub(super) hidden: Hidden,
    pub(super) selector: Field,
    /// The selector's map from descriptors to keys, while it is polled from here.
    pub(super) keys: Field,
    /// `selectors.SelectorKey`
    pub(super) key_class: Py<PyType>,
    pub(super) thread_id: Field,
    /// The same as a number; 0 while none runs it.
    pub(super) thread: AtomicU64,
    pub(super) current_handle: Field,
    /// What a signal handler has raised in debug mode while work was put on the loop: it leaves the loop next.
    pub(super) interrupt: Field,
    pub(super) task_factory: Field,
    /// `asyncio.tasks` and `asyncio.futures`, whose classes are looked up each time.
    pub(super) tasks: Py<PyAny>,
    pub(super) futures: Py<PyAny>,
    /// The options with which tasks are made, kept from one to the next.
    pub(super) task_options: Field,
    /// `("loop",)`, the names of what is passed by name.
    pub(super) future_names: Py<PyTuple>,
    pub(super) context_name: Py<PyTuple>,
    /// Set when the fields are: the collector may come while CPython makes the instance, and finds zeros.
    pub(super) made: AtomicBool,
    /// What is polled from here, by its number; -1 while the selector is asked.
    poller: AtomicIsize,
    pub(super) timers_cancelled: AtomicIsize,
    /// The bits of a float, in seconds.
    pub(super) clock_resolution: AtomicU64,
    /// When I/O was looked at last: the bits of a float, in seconds of the loop's clock.
    pub(super) polled: AtomicU64,
    // ORDERING: Relaxed for all of these: they are read and written attached, by one thread at a time.
    pub(super) closed: AtomicBool,
    pub(super) stopping: AtomicBool,
    pub(super) debug: AtomicBool,
}

/// What other parts of the loop ask of it.
impl LoopCore {
    pub(crate) fn has_ready(&self, py: Python<'_>) -> bool {
        self.ready.get().len(py) > 0
    }

    pub(crate) fn ready_len(&self, py: Python<'_>) -> usize {
        self.ready.get().len(py)
    }

    pub(crate) fn push_ready(&self, handle: Bound<'_, PyAny>) {
        self.ready.get().push(handle);
    }

    pub(crate) fn pop_ready<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.ready.get().pop(py)
    }

    pub(crate) fn scheduled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.scheduled.get(py).into_bound(py).cast_into::<PyList>()?)
    }

    /// What is polled from here, if it is not the selector that is asked.
    pub(crate) fn poller(&self) -> Option<Poller> {
        Poller::of(self.poller.load(Ordering::Relaxed))
    }

    pub(super) fn set_poller(&self, poller: Option<Poller>) {
        self.poller.store(poller.map_or(-1, Poller::number), Ordering::Relaxed);
    }

    /// The selector's map, while it is polled from here.
    pub(super) fn keys<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyDict>> {
        self.keys.get(py).into_bound(py).cast_into::<PyDict>().ok()
    }

    /// Room to read into, with space for at least so many bytes. To be given back.
    pub(crate) fn take_room(&self, py: Python<'_>, space: usize) -> Vec<u8> {
        let mut room = self.room.with(py, std::mem::take);
        room.clear();
        room.reserve(space);
        room
    }

    pub(crate) fn give_room_back(&self, py: Python<'_>, room: Vec<u8>) {
        let before = self.room.with(py, |now| std::mem::replace(now, room));
        drop(before);
    }

    /// How often one looks whether a connection has come in with another one.
    pub(crate) fn crowds(&self) -> &Attached<Looks> {
        &self.crowds
    }

    pub(super) fn has_briefs(&self) -> bool {
        self.may_be_brief.load(Ordering::Relaxed)
    }

    pub(crate) fn timers_cancelled(&self) -> isize {
        self.timers_cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn set_timers_cancelled(&self, count: isize) {
        self.timers_cancelled.store(count, Ordering::Relaxed);
    }

    pub(crate) fn clock_resolution(&self) -> f64 {
        f64::from_bits(self.clock_resolution.load(Ordering::Relaxed))
    }

    pub(crate) fn polled(&self) -> f64 {
        f64::from_bits(self.polled.load(Ordering::Relaxed))
    }

    pub(crate) fn set_polled(&self, now: f64) {
        self.polled.store(now.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Have the thread that runs the loop leave it after this turn.
    pub(super) fn stop_turning(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether a thread runs the loop now.
    pub(crate) fn runs(&self, py: Python<'_>) -> bool {
        self.thread_id.is_some(py)
    }

    /// Whether the calling thread runs the loop now.
    #[inline]
    pub(super) fn runs_here(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == thread::current()
    }

    /// Whether another thread runs it.
    pub(super) fn runs_elsewhere(&self) -> bool {
        let thread = self.thread.load(Ordering::Relaxed);
        thread != 0 && thread != thread::current()
    }

    pub(crate) fn set_thread_id(&self, py: Python<'_>, ident: Option<Py<PyAny>>) {
        // It is the thread itself that says so.
        let thread = if ident.is_some() { thread::current() } else { 0 };
        self.thread.store(thread, Ordering::Relaxed);
        self.thread_id.set(py, ident);
    }

    pub(super) fn check_open(&self) -> PyResult<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("Event loop is closed"));
        }
        Ok(())
    }
}

#[pymethods]
impl LoopCore {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let py = class.py();
        Ok(Self {
            entry: Arc::new(Entry::new(Bell::for_own_loop()?)),
            overrides: Overrides::default(),
            ready: Py::new(py, ReadyQueue::new())?,
            hold: Hold::default(),
            tenant: Let::default(),
            outbox: Outbox::default(),
            briefs: Attached::default(),
            may_be_brief: AtomicBool::new(false),
            room: Attached::default(),
            looks: Attached::default(),
            crowds: Attached::default(),
            scheduled: Field::new(PyList::new(py, [(); 0])?.into_any().unbind()),
            hidden: Hidden::default(),
            selector: Field::default(),
            keys: Field::default(),
            key_class: py.import("selectors")?.getattr("SelectorKey")?.cast_into()?.unbind(),
            thread_id: Field::default(),
            thread: AtomicU64::new(0),
            current_handle: Field::default(),
            interrupt: Field::default(),
            task_factory: Field::default(),
            tasks: py.import("asyncio.tasks")?.into_any().unbind(),
            futures: py.import("asyncio.futures")?.into_any().unbind(),
            task_options: Field::default(),
            future_names: PyTuple::new(py, ["loop"])?.unbind(),
            context_name: PyTuple::new(py, ["context"])?.unbind(),
            made: AtomicBool::new(true),
            poller: AtomicIsize::new(-1),
            timers_cancelled: AtomicIsize::new(0),
            clock_resolution: AtomicU64::new(0),
            polled: AtomicU64::new(0),
            // Until asyncio's constructor says otherwise: there is nothing to close in what has none.
            closed: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
            debug: AtomicBool::new(false),
        })
    }

    /// Make a handle ready, unless it was cancelled.
    fn _add_callback(&self, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        if !handle::is_cancelled(handle)? {
            self.push_ready(handle.clone());
        }
        Ok(())
    }

    /// Wake the thread that runs the loop. From any thread.
    fn _write_to_self(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        if core.poller().is_none() {
            let next = PySuper::new(&slf.py().get_type::<Self>(), slf)?;
            return next.call_method0(names(slf.py()).write_to_self.bind(slf.py())).map(drop);
        }
        if core.entry.knock() == Push::Wake {
            core.entry.ring();
        }
        Ok(())
    }

    /// A timer was cancelled.
    pub(super) fn _timer_handle_cancelled(&self, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        if handle::is_scheduled(handle)? {
            self.timers_cancelled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Run one turn.
    fn _run_once(slf: &Bound<'_, Self>) -> PyResult<()> {
        super::turn::run_once(slf, None)
    }

    /// Have files stay registered between the loop's methods for sockets. Before it runs.
    fn _keep_registrations(&self) {
        self.may_be_brief.store(true, Ordering::Relaxed);
    }

    fn get_debug(&self) -> bool {
        self.is_debug()
    }

    fn is_running(&self, py: Python<'_>) -> bool {
        self.runs(py)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn _check_closed(&self) -> PyResult<()> {
        self.check_open()
    }

    /// Whether this was inherited through a fork: the kernel's objects in it belong to the parent.
    #[getter]
    pub(crate) fn orphaned(&self) -> bool {
        self.entry.is_orphaned()
    }

    /// Whether other threads wake this loop without a pipe.
    #[getter(_hears_bell)]
    pub(crate) fn hears_bell(&self) -> bool {
        self.poller().is_some()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        visit.call(&self.ready)?;
        let runner = |now: &Option<Tenant>| visit.call(now.as_ref().map(|tenant| &tenant.runner));
        self.tenant.traverse(runner).unwrap_or(Ok(()))?;
        self.outbox.traverse(&visit)?;
        for field in [
            &self.scheduled,
            &self.selector,
            &self.keys,
            &self.thread_id,
            &self.current_handle,
            &self.interrupt,
            &self.task_factory,
            &self.task_options,
        ] {
            field.traverse(&visit)?;
        }
        Ok(())
    }

    fn __clear__(&self, py: Python<'_>) {
        self.let_to(py, None);
        self.outbox.clear(py);
        self.ready.get().clear(py);
        let fields = [
            &self.scheduled,
            &self.selector,
            &self.keys,
            &self.current_handle,
            &self.interrupt,
            &self.task_factory,
            &self.task_options,
        ];
        for field in fields {
            field.set(py, None);
        }
    }
}
