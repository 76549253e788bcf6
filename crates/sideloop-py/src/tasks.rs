//! What a task is made with, on whichever loop.

use std::io::Write;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use sideloop_core::generation;

use crate::event_loop::{FirstStep, LoopCore};
use crate::python::attached::{Attached, Count};
use crate::python::coroutine::close_coroutine;
use crate::python::dictionary;
use crate::python::names::names;
use crate::python::{context, vectorcall, version};

/// What a task is made with: methods of the loop, looked up once.
pub(crate) struct TaskMaker {
    pub(crate) event_loop: Py<PyAny>,
    call_soon_threadsafe: Py<PyAny>,
    own_loop: Option<Py<LoopCore>>,
    /// `asyncio.Task`
    class: Py<PyAny>,
    /// asyncio's functions that say which task is the current one.
    enter_task: Py<PyAny>,
    leave_task: Py<PyAny>,
    /// `("context",)`, the names of what is passed by name.
    context_name: Py<PyTuple>,
    /// `create_task` takes the context since CPython 3.11, if nobody has written his own; otherwise it copies the
    /// current one.
    takes_context: bool,
    /// What gives tasks their names, if the user wants to: `namer(async_fn)`.
    namer: Option<Py<PyAny>>,
    /// The task factory that was asked last whether it takes the context, and its answer.
    factory: Attached<Option<(Py<PyAny>, bool)>>,
}

impl TaskMaker {
    pub(crate) fn new(
        event_loop: &Bound<'_, PyAny>,
        namer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = event_loop.py();
        let tasks = py.import("asyncio.tasks")?;
        Ok(Self {
            class: tasks.getattr("Task")?.unbind(),
            enter_task: tasks.getattr("_enter_task")?.unbind(),
            leave_task: tasks.getattr("_leave_task")?.unbind(),
            call_soon_threadsafe: event_loop.getattr("call_soon_threadsafe")?.unbind(),
            event_loop: event_loop.clone().unbind(),
            own_loop: event_loop.cast::<LoopCore>().ok().map(|own| own.clone().unbind()),
            context_name: PyTuple::new(py, ["context"])?.unbind(),
            takes_context: version::is_at_least(py, 11)
                && takes_context(&event_loop.getattr(names(py).create_task.bind(py))?)?,
            namer: namer.map(|namer| namer.clone().unbind()),
            factory: Attached::default(),
        })
    }

    /// Have this run on the loop, from any thread.
    pub(crate) fn call_soon_threadsafe(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        self.call_soon_threadsafe.call1(callback.py(), (callback,)).map(drop)
    }

    /// The same, on the loop's own thread.
    pub(crate) fn call_soon(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        self.event_loop.call_method1(py, names(py).call_soon.bind(py), (callback,)).map(drop)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.own_loop)?;
        visit.call(&self.namer)?;
        self.factory
            .traverse(|asked| asked.as_ref().map_or(Ok(()), |(factory, _)| visit.call(factory)))
            .unwrap_or(Ok(()))?;
        visit.call(&self.call_soon_threadsafe)
    }

    /// A task for a coroutine, and its first step, if that was held back: to be run by the caller.
    pub(crate) fn make_to_step<'py>(
        &self,
        coroutine: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        async_fn: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Option<FirstStep>)> {
        let make = || self.make(coroutine, context, async_fn);
        match &self.own_loop {
            Some(own_loop) => LoopCore::hold_first_step(own_loop.bind(coroutine.py()), make),
            None => Ok((make()?, None)),
        }
    }

    /// Have `callback(task)` called in this context when the task is done.
    pub(crate) fn tell_when_done<'py>(
        &self,
        task: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let py = task.py();
        let add_done_callback = names(py).add_done_callback.bind(py);
        let context_name = self.context_name.bind(py);
        let args = [callback, context];
        vectorcall::call_method(task, add_done_callback, args, context_name).map(drop)
    }

    /// Run `inside` with this task as the current one.
    ///
    /// # Errors
    /// If there is one already, and then nothing has run; what `inside` raises.
    pub(crate) fn as_current<T>(
        &self,
        task: &Bound<'_, PyAny>,
        inside: impl FnOnce() -> PyResult<T>,
    ) -> PyResult<T> {
        let py = task.py();
        self.enter_task.call1(py, (&self.event_loop, task))?;
        let before = generation::current();
        let found = inside();
        if let Err(error) = self.leave_task.call1(py, (&self.event_loop, task))
            // In a fork's child asyncio has forgotten the task, since CPython 3.14.
            && generation::current() == before
        {
            // What was found is not lost for that.
            error.write_unraisable(py, Some(task));
        }
        found
    }

    /// The context that a task has copied for itself. There is no other way to learn it than to ask the
    /// collector what the task holds.
    pub(crate) fn own_context<'py>(
        &self,
        task: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.passes_context(task.py())? {
            return Ok(None);
        }
        let held = task.py().import("gc")?.call_method1("get_referents", (task,))?;
        let held: Vec<Bound<'_, PyAny>> = held.extract()?;
        Ok(held.into_iter().find(context::is_context))
    }

    /// A task for a coroutine, to run in this context, named as the call of its number, or as the user wants it for this
    /// function.
    pub(crate) fn make<'py>(
        &self,
        coroutine: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        async_fn: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        let name = match &self.namer {
            None => call_name(py),
            Some(namer) => context::enter(context, || {
                Ok(namer.bind(py).call1((async_fn,))?.cast_into::<PyString>()?)
            }),
        };
        let name = name.inspect_err(|_| close_coroutine(coroutine))?;
        let own_loop = self.own_loop.as_ref().map(|own_loop| own_loop.bind(py));
        let made = match own_loop.filter(|own_loop| LoopCore::makes_tasks_plainly(own_loop)) {
            Some(own_loop) if version::is_at_least(py, 11) => {
                LoopCore::make_task(own_loop, coroutine, Some(context), Some(&name))
            }
            Some(own_loop) => context::enter(context, || {
                LoopCore::make_task(own_loop, coroutine, None, Some(&name))
            }),
            None => self.make_by_method(coroutine, context, &name),
        };
        made.inspect_err(|_| close_coroutine(coroutine))
    }

    /// Whether a task that is made now gets its context by name.
    fn passes_context(&self, py: Python<'_>) -> PyResult<bool> {
        let event_loop = self.event_loop.bind(py);
        let own_loop = self.own_loop.as_ref().map(|own_loop| own_loop.bind(py));
        if own_loop.is_some_and(LoopCore::makes_tasks_plainly) {
            return Ok(version::is_at_least(py, 11));
        }
        if !self.takes_context {
            return Ok(false);
        }
        let factory = event_loop.call_method0(names(py).get_task_factory.bind(py))?;
        if factory.is_none() {
            return Ok(true);
        }
        let known = self.factory.with(py, |asked| {
            asked.as_ref().filter(|(known, _)| known.is(&factory)).map(|(_, takes)| *takes)
        });
        if let Some(takes) = known {
            return Ok(takes);
        }
        let takes = takes_context(&factory)?;
        let before = self.factory.with(py, |asked| asked.replace((factory.unbind(), takes)));
        drop(before);
        Ok(takes)
    }

    /// The same by the loop's `create_task`, which need not take a name if somebody else wrote it.
    fn make_by_method<'py>(
        &self,
        coroutine: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        let create_task = self.event_loop.bind(py).getattr(names(py).create_task.bind(py))?;
        let task = if self.passes_context(py)? {
            let options = dictionary::empty(py)?;
            options.set_item(names(py).context_name.bind(py), context)?;
            create_task.call((coroutine,), Some(&options))?
        } else {
            context::enter(context, || create_task.call1((coroutine,)))?
        };
        if let Some(set_name) = task.getattr_opt(names(py).set_name.bind(py))? {
            set_name.call1((name,))?;
        }
        Ok(task)
    }

    /// Have this raised by a callback of the loop's. From any thread.
    ///
    /// # Errors
    /// `RuntimeError` if the loop is closed.
    pub(crate) fn raise_soon(&self, py: Python<'_>, error: &PyErr) -> PyResult<()> {
        let leave = py.import("sideloop._loops.unwind")?.getattr("leave")?;
        // With its traceback, which `value` leaves aside before CPython 3.12: it tells what a handler has raised.
        let error = error.clone_ref(py).into_value(py);
        self.call_soon_threadsafe.call1(py, (leave, error)).map(drop)
    }

    /// Whether this is a task of asyncio's own class, and of none derived from it.
    pub(crate) fn is_plain(&self, task: &Bound<'_, PyAny>) -> bool {
        task.get_type().is(self.class.bind(task.py()))
    }

    /// A future as it is; any other awaitable as a task.
    pub(crate) fn ensure_future<'py>(
        &self,
        awaitable: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = awaitable.py();
        let module = py.import("sideloop._loops.foreign_future")?;
        module.call_method1("ensure_future", (awaitable, &self.event_loop))
    }
}

/// Whether a maker of tasks takes the context by name.
fn takes_context(maker: &Bound<'_, PyAny>) -> PyResult<bool> {
    let module = maker.py().import("sideloop._loops.task_factory")?;
    module.call_method1("takes_context", (maker,))?.extract()
}

/// The name of the next call's task. CPython 3.11 takes three times as long to format one of its own.
fn call_name(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    static CALLS: Count = Count::new();
    let number = CALLS.add(1);
    let mut room = [0; 32];
    let mut left = &mut room[..];
    let _ =
        left.write_all(b"call-").and(left.write_all(itoa::Buffer::new().format(number).as_bytes()));
    let unused = left.len();
    PyString::from_bytes(py, &room[..room.len() - unused])
}
