//! The loop's state, and the methods that put work on it.

use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PySuper, PyTuple, PyType};
use sideloop_core::entry::Push;

use super::handle::{self, Callback};
use super::ready::ReadyQueue;
use super::timers::Timers;
use crate::call::Call;
use crate::entry::{Bell, Entry, lock};
use crate::names::names;
use crate::runner::RunnerCore;
use crate::{vectorcall, version};

/// A reference that Python code sets and reads.
#[derive(Default)]
struct Field(Mutex<Option<Py<PyAny>>>);

impl Field {
    fn get(&self, py: Python<'_>) -> Py<PyAny> {
        let value = lock(&self.0);
        value.as_ref().map_or_else(|| py.None(), |value| value.clone_ref(py))
    }

    fn is_some(&self) -> bool {
        lock(&self.0).is_some()
    }

    fn set(&self, value: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut *lock(&self.0), value);
        drop(old);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held is held by a thread that lives, with what it guards.
        match self.0.try_lock() {
            Ok(value) => visit.call(&*value),
            Err(_) => Ok(()),
        }
    }
}

/// Which methods a subclass has made its own; those are called as methods.
pub(crate) struct Overrides {
    pub(crate) time: bool,
    pub(crate) process_events: bool,
    call_at: bool,
    create_task: bool,
    write_to_self: bool,
}

impl Overrides {
    fn of(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = class.py();
        let core = py.get_type::<LoopCore>();
        let standard = py.import("asyncio.selector_events")?.getattr("BaseSelectorEventLoop")?;
        let from = |base: &Bound<'_, PyAny>, name: &str| -> PyResult<bool> {
            let own = class.getattr_opt(name)?;
            Ok(!own.is_some_and(|own| base.getattr(name).is_ok_and(|base| own.is(&base))))
        };
        Ok(Self {
            time: from(&core, "time")?,
            call_at: from(&core, "call_at")?,
            create_task: from(&core, "create_task")?,
            process_events: from(&standard, "_process_events")?,
            write_to_self: from(&core, "_write_to_self")?,
        })
    }
}

/// The scheduling half of `sideloop.EventLoop`: a mixin to stand before an asyncio event loop.
///
/// All its methods but `call_soon_threadsafe` belong to the thread that runs the loop.
#[pyclass(frozen, subclass, dict, weakref, module = "sideloop._sideloop")]
pub(crate) struct LoopCore {
    pub(crate) entry: Arc<Entry>,
    pub(crate) overrides: Overrides,
    ready: Py<ReadyQueue>,
    /// The runner that takes calls for this loop, if one does.
    runner: Mutex<Option<Py<RunnerCore>>>,
    scheduled: Field,
    selector: Field,
    thread_id: Field,
    current_handle: Field,
    task_factory: Field,
    /// `asyncio.tasks` and `asyncio.futures`, whose classes are looked up each time.
    tasks: Py<PyAny>,
    futures: Py<PyAny>,
    /// `("loop", "context")` and `("loop",)`, the names of what is passed by name.
    task_names: Py<PyTuple>,
    /// Set when the fields are: the collector may come while CPython makes the instance, and finds zeros.
    made: AtomicBool,
    /// The selector's epoll descriptor while that is polled from here; -1 otherwise.
    epoll: AtomicIsize,
    timers_cancelled: AtomicIsize,
    /// The bits of a float, in seconds.
    clock_resolution: AtomicU64,
    /// When I/O was looked at last: the bits of a float, in seconds of the loop's clock.
    polled: AtomicU64,
    // ORDERING: Relaxed for all of these: they are read and written attached, by one thread at a time.
    closed: AtomicBool,
    stopping: AtomicBool,
    debug: AtomicBool,
}

/// What other parts of the loop ask of it.
impl LoopCore {
    pub(crate) fn has_ready(&self) -> bool {
        self.ready.get().len() > 0
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.get().len()
    }

    pub(crate) fn push_ready(&self, handle: Bound<'_, PyAny>) {
        self.ready.get().push(handle.unbind());
    }

    pub(crate) fn pop_ready<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.ready.get().pop().map(|handle| handle.into_bound(py))
    }

    pub(crate) fn scheduled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.scheduled.get(py).into_bound(py).cast_into::<PyList>()?)
    }

    pub(crate) fn epoll(&self) -> Option<i32> {
        i32::try_from(self.epoll.load(Ordering::Relaxed)).ok().filter(|fd| *fd >= 0)
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

    /// The runner that takes calls for this loop, if one does.
    pub(crate) fn runner<'py>(&self, py: Python<'py>) -> Option<Bound<'py, RunnerCore>> {
        let runner = lock(&self.runner);
        runner.as_ref().map(|runner| runner.bind(py).clone())
    }

    /// Let this runner take calls for the loop, or none.
    pub(crate) fn serve(&self, runner: Option<Py<RunnerCore>>) {
        if runner.is_some() {
            self.entry.expect_callers();
        }
        let mut served = lock(&self.runner);
        let old = std::mem::replace(&mut *served, runner);
        drop(served);
        drop(old);
    }

    pub(crate) fn set_thread_id(&self, ident: Option<Py<PyAny>>) {
        self.thread_id.set(ident);
    }

    fn check_open(&self) -> PyResult<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("Event loop is closed"));
        }
        Ok(())
    }

    /// Wake the thread that runs the loop, if it sleeps.
    fn wake(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        if core.overrides.write_to_self || core.epoll().is_none() {
            return slf.call_method0(names(slf.py()).write_to_self.bind(slf.py())).map(drop);
        }
        if core.entry.knock() == Push::Wake {
            core.entry.ring();
        }
        Ok(())
    }

    /// The next class's method of this name, for what is slow or unusual.
    fn standard<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("context", context)?;
        PySuper::new(&py.get_type::<Self>(), slf)?.call_method(name, args, Some(&options))
    }

    /// A task for a coroutine, to run in this context: what `create_task` makes, by the shortest way.
    pub(crate) fn make_task<'py>(
        slf: &Bound<'py, Self>,
        coro: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        if core.is_debug() || core.overrides.create_task || core.task_factory.is_some() {
            let options = PyDict::new(py);
            options.set_item("context", context)?;
            return slf.call_method("create_task", (coro,), Some(&options));
        }
        core.check_open()?;
        let class = core.tasks.bind(py).getattr(names(py).task.bind(py))?;
        vectorcall::call(&class, [coro, slf.as_any(), context], core.task_names.bind(py))
    }

    fn make_handle<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(layout) = handle::layout(slf.py()) else { return Ok(None) };
        let what = Callback { callback, args, context };
        layout.make(slf.as_any(), &what).map(Some)
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
            overrides: Overrides::of(class)?,
            ready: Py::new(py, ReadyQueue::new())?,
            runner: Mutex::new(None),
            scheduled: Field(Mutex::new(Some(PyList::empty(py).into_any().unbind()))),
            selector: Field::default(),
            thread_id: Field::default(),
            current_handle: Field::default(),
            task_factory: Field::default(),
            tasks: py.import("asyncio.tasks")?.into_any().unbind(),
            futures: py.import("asyncio.futures")?.into_any().unbind(),
            task_names: PyTuple::new(py, ["loop", "context"])?.unbind(),
            made: AtomicBool::new(true),
            epoll: AtomicIsize::new(-1),
            timers_cancelled: AtomicIsize::new(0),
            clock_resolution: AtomicU64::new(0),
            polled: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            debug: AtomicBool::new(false),
        })
    }

    /// Have `callback(*args)` called in the next turn of the loop.
    #[pyo3(signature = (callback, *args, context = None))]
    fn call_soon<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = slf.get();
        core.check_open()?;
        // A call that has its value needs no turn of its own. An exception does: asyncio marks it as
        // not retrieved only after it has scheduled the callbacks.
        if let Ok(call) = callback.cast_exact::<Call>()
            && let Ok(task) = args.get_item(0)
            && has_value(&task)?
        {
            Call::finish_with(call, &task);
            return Ok(slf.py().None().into_bound(slf.py()));
        }
        if !core.is_debug()
            && let Some(handle) = Self::make_handle(slf, callback, args, context)?
        {
            core.push_ready(handle.clone());
            return Ok(handle);
        }
        Self::standard(slf, "call_soon", &before(&[callback], args)?, context)
    }

    /// The same, from any thread.
    #[pyo3(signature = (callback, *args, context = None))]
    fn call_soon_threadsafe<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = slf.get();
        core.check_open()?;
        // Since CPython 3.14 such a handle is of a class of its own.
        if core.is_debug() || version::is_at_least(slf.py(), 14) {
            return Self::standard(
                slf,
                "call_soon_threadsafe",
                &before(&[callback], args)?,
                context,
            );
        }
        let Some(handle) = Self::make_handle(slf, callback, args, context)? else {
            return Self::standard(
                slf,
                "call_soon_threadsafe",
                &before(&[callback], args)?,
                context,
            );
        };
        core.push_ready(handle.clone());
        Self::wake(slf)?;
        Ok(handle)
    }

    /// Have `callback(*args)` called when the loop's time is `when`, in seconds.
    #[pyo3(signature = (when, callback, *args, context = None))]
    fn call_at<'py>(
        slf: &Bound<'py, Self>,
        when: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        core.check_open()?;
        if !core.is_debug()
            && when.is_exact_instance_of::<PyFloat>()
            && let Some(layout) = handle::layout(py)
        {
            let what = Callback { callback, args, context };
            let timer = layout.make_timer(when.clone(), slf.as_any(), &what)?;
            Timers::new(&core.scheduled(py)?).push(&timer)?;
            return Ok(timer);
        }
        Self::standard(slf, "call_at", &before(&[when, callback], args)?, context)
    }

    /// Have `callback(*args)` called `delay` seconds from now.
    #[pyo3(signature = (delay, callback, *args, context = None))]
    fn call_later<'py>(
        slf: &Bound<'py, Self>,
        delay: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        let plain = !core.is_debug() && !core.overrides.call_at && !core.overrides.time;
        if plain && let Ok(seconds) = delay.extract::<f64>() {
            let when = PyFloat::new(py, monotonic() + seconds).into_any();
            return Self::call_at(slf, &when, callback, args, context);
        }
        Self::standard(slf, "call_later", &before(&[delay, callback], args)?, context)
    }

    /// A task for a coroutine: what `BaseEventLoop.create_task` makes.
    #[pyo3(signature = (coro, **options))]
    fn create_task<'py>(
        slf: &Bound<'py, Self>,
        coro: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        core.check_open()?;
        if core.is_debug() || core.task_factory.is_some() || options.is_some() {
            let next = PySuper::new(&py.get_type::<Self>(), slf)?;
            return next.call_method("create_task", (coro,), options);
        }
        let class = core.tasks.bind(py).getattr(names(py).task.bind(py))?;
        // The context is None: the task copies the current one.
        let none = py.None().into_bound(py);
        if version::is_at_least(py, 11) {
            return vectorcall::call(&class, [coro, slf.as_any(), &none], core.task_names.bind(py));
        }
        let options = PyDict::new(py);
        options.set_item("loop", slf)?;
        class.call((coro,), Some(&options))
    }

    /// A future on this loop.
    fn create_future<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let class = slf.get().futures.bind(py).getattr(names(py).future.bind(py))?;
        let options = PyDict::new(py);
        options.set_item(names(py).loop_.bind(py), slf)?;
        class.call((), Some(&options))
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
        if core.epoll().is_none() {
            let next = PySuper::new(&slf.py().get_type::<Self>(), slf)?;
            return next.call_method0("_write_to_self").map(drop);
        }
        if core.entry.knock() == Push::Wake {
            core.entry.ring();
        }
        Ok(())
    }

    /// A timer was cancelled.
    fn _timer_handle_cancelled(&self, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        if handle.getattr(names(handle.py()).scheduled.bind(handle.py()))?.is_truthy()? {
            self.timers_cancelled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Run one turn.
    fn _run_once(slf: &Bound<'_, Self>) -> PyResult<()> {
        super::turn::run_once(slf, None)
    }

    /// The loop's time, in seconds: `time.monotonic()`.
    fn time(&self) -> f64 {
        monotonic()
    }

    fn get_debug(&self) -> bool {
        self.is_debug()
    }

    fn is_running(&self, py: Python<'_>) -> bool {
        !self.thread_id.get(py).is_none(py)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn _check_closed(&self) -> PyResult<()> {
        self.check_open()
    }

    /// Whether this was inherited through a fork: the kernel's objects in it belong to the parent.
    #[getter]
    fn orphaned(&self) -> bool {
        self.entry.is_orphaned()
    }

    /// Whether other threads wake this loop without a pipe.
    #[getter(_hears_bell)]
    fn hears_bell(&self) -> bool {
        self.epoll().is_some()
    }

    #[getter(_ready)]
    fn get_ready_field(&self, py: Python<'_>) -> Py<ReadyQueue> {
        self.ready.clone_ref(py)
    }

    #[setter(_ready)]
    fn set_ready_field(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        self.ready.get().replace(handles)
    }

    #[getter(_scheduled)]
    fn get_scheduled_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.scheduled.get(py)
    }

    #[setter(_scheduled)]
    fn set_scheduled_field(&self, timers: Bound<'_, PyList>) {
        self.scheduled.set(Some(timers.into_any().unbind()));
    }

    #[getter(_selector)]
    fn get_selector_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.selector.get(py)
    }

    #[setter(_selector)]
    fn set_selector_field(&self, selector: &Bound<'_, PyAny>) -> PyResult<()> {
        #[cfg(target_os = "linux")]
        let epoll = super::poller::adopt(selector, &self.entry)?;
        #[cfg(not(target_os = "linux"))]
        let epoll: Option<i32> = None;
        self.epoll.store(epoll.map_or(-1, |fd| fd as isize), Ordering::Relaxed);
        self.selector.set(Some(selector.clone().unbind()));
        Ok(())
    }

    #[getter(_thread_id)]
    fn get_thread_id_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.thread_id.get(py)
    }

    #[setter(_thread_id)]
    fn set_thread_id_field(&self, ident: Option<Py<PyAny>>) {
        self.set_thread_id(ident);
    }

    #[getter(_current_handle)]
    fn get_current_handle_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.current_handle.get(py)
    }

    #[setter(_current_handle)]
    fn set_current_handle_field(&self, handle: Option<Py<PyAny>>) {
        self.current_handle.set(handle);
    }

    #[getter(_task_factory)]
    fn get_task_factory_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.task_factory.get(py)
    }

    #[setter(_task_factory)]
    fn set_task_factory_field(&self, factory: Option<Py<PyAny>>) {
        self.task_factory.set(factory);
    }

    #[getter(_timer_cancelled_count)]
    fn get_timer_cancelled_count_field(&self) -> isize {
        self.timers_cancelled()
    }

    #[setter(_timer_cancelled_count)]
    fn set_timer_cancelled_count_field(&self, count: isize) {
        self.set_timers_cancelled(count);
    }

    #[getter(_clock_resolution)]
    fn get_clock_resolution_field(&self) -> f64 {
        self.clock_resolution()
    }

    #[setter(_clock_resolution)]
    fn set_clock_resolution_field(&self, seconds: f64) {
        self.clock_resolution.store(seconds.to_bits(), Ordering::Relaxed);
    }

    #[getter(_closed)]
    fn get_closed_field(&self) -> bool {
        self.is_closed()
    }

    #[setter(_closed)]
    fn set_closed_field(&self, closed: &Bound<'_, PyAny>) -> PyResult<()> {
        let closed = closed.is_truthy()?;
        self.closed.store(closed, Ordering::Relaxed);
        if closed {
            self.entry.take_bell_away();
        }
        Ok(())
    }

    #[getter(_stopping)]
    fn get_stopping_field(&self) -> bool {
        self.is_stopping()
    }

    #[setter(_stopping)]
    fn set_stopping_field(&self, stopping: &Bound<'_, PyAny>) -> PyResult<()> {
        self.stopping.store(stopping.is_truthy()?, Ordering::Relaxed);
        Ok(())
    }

    #[getter(_debug)]
    fn get_debug_field(&self) -> bool {
        self.is_debug()
    }

    #[setter(_debug)]
    fn set_debug_field(&self, debug: &Bound<'_, PyAny>) -> PyResult<()> {
        self.debug.store(debug.is_truthy()?, Ordering::Relaxed);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        visit.call(&self.ready)?;
        if let Ok(runner) = self.runner.try_lock() {
            visit.call(&*runner)?;
        }
        for field in [
            &self.scheduled,
            &self.selector,
            &self.thread_id,
            &self.current_handle,
            &self.task_factory,
        ] {
            field.traverse(&visit)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        self.ready.get().clear();
        for field in [&self.scheduled, &self.selector, &self.current_handle, &self.task_factory] {
            field.set(None);
        }
    }
}

/// Whether a finished future has a value, rather than an exception or a cancellation.
fn has_value(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = future.py();
    Ok(!future.call_method0(names(py).cancelled.bind(py))?.is_truthy()?
        && future.getattr(names(py).exception.bind(py))?.is_none())
}

/// A tuple with these objects before the rest.
fn before<'py>(
    first: &[&Bound<'py, PyAny>],
    rest: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyTuple>> {
    let all: Vec<_> = first.iter().map(|object| (*object).clone()).chain(rest.iter()).collect();
    PyTuple::new(rest.py(), all)
}

/// `time.monotonic()`, computed as CPython does, so that both agree to the last bit.
pub(crate) fn monotonic() -> f64 {
    #[cfg(unix)]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        // Seconds alone are exact; else CPython divides the nanoseconds.
        if now.tv_nsec == 0 {
            now.tv_sec as f64
        } else {
            (now.tv_sec * 1_000_000_000 + now.tv_nsec) as f64 / 1e9
        }
    }
}
