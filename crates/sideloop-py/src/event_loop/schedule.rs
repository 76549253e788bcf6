//! How work comes onto the loop: callbacks, timers, tasks, futures.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString, PySuper, PyTuple, PyTupleMethods};
use sideloop_core::entry::Push;

use super::core::LoopCore;
use super::handle::{self, Callback};
use super::overrides::Method;
use super::timers::Timers;
use crate::policy::chain::after;
use crate::policy::interrupt::{Whose, whose};
use crate::python::names::names;
use crate::python::{vectorcall, version};
use crate::system::clock::monotonic;

impl LoopCore {
    /// Wake the thread that runs the loop, if it sleeps.
    fn wake(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        if core.poller().is_none() || !Self::keeps(slf, Method::WriteToSelf) {
            return slf.call_method0(names(slf.py()).write_to_self.bind(slf.py())).map(drop);
        }
        if core.entry.knock() == Push::Wake {
            core.entry.ring();
        }
        Ok(())
    }

    /// The same, where another thread runs it: sync methods of async objects, which set events and cancel tasks,
    /// are called on whichever thread, and what they have put on the loop would lie there until something else comes.
    /// Debug mode refuses that, as asyncio does.
    fn wake_from_elsewhere(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().runs_elsewhere() { Self::wake(slf) } else { Ok(()) }
    }

    /// The next class's method of this name, for what is slow or unusual.
    fn standard<'py>(
        slf: &Bound<'py, Self>,
        name: &Py<PyString>,
        first: &[&Bound<'py, PyAny>],
        rest: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let method = PySuper::new(&py.get_type::<Self>(), slf)?.getattr(name.bind(py))?;
        let context = context.map_or_else(|| py.None().into_bound(py), Bound::clone);
        let first = first.iter().map(|object| (*object).clone());
        let all: Vec<_> = first.chain(rest.iter()).chain([context]).collect();
        // Not by a dictionary: PyO3 aborts where there is no memory for one.
        vectorcall::call_all(&method, &all, slf.get().context_name.bind(py))
    }

    /// Schedule what the standard method was interrupted at: it is Python code in debug mode, in which a signal
    /// handler may raise. A task whose step is not scheduled is lost, and so are the other callbacks of a future.
    ///
    /// # Errors
    /// Any other error; where the loop does not run, also what the handler has raised. Else that leaves the loop next.
    fn schedule_all_the_same<'py>(
        slf: &Bound<'py, Self>,
        queued: usize,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
        error: PyErr,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, core) = (slf.py(), slf.get());
        let error = match whose(py, error) {
            Whose::Interrupts(error) => error,
            Whose::Codes(error) => return Err(error),
        };
        let mut handle = None;
        for found in core.ready.get().snapshot(py)?.iter().skip(queued) {
            if handle::runs(&found, callback)? {
                handle = Some(found);
            }
        }
        let handle = match handle {
            Some(handle) => handle,
            None => {
                let Some(made) = Self::make_handle(slf, callback, args, context)? else {
                    return Err(error);
                };
                core.push_ready(made.clone());
                made
            }
        };
        if !core.runs(py) {
            return Err(error);
        }
        let error = match core.interrupt.take(py) {
            Some(before) => after(py, error, PyErr::from_value(before.into_bound(py))),
            None => error,
        };
        core.interrupt.set(py, Some(error.into_value(py).into_any()));
        Ok(handle)
    }

    /// What `call_soon` does.
    ///
    /// # Errors
    /// `RuntimeError` if the loop is closed; in debug mode what asyncio's own method raises.
    pub(super) fn soon<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &[Bound<'py, PyAny>],
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, core) = (slf.py(), slf.get());
        core.check_open()?;
        if core.has_tenant(py)
            && Self::keeps(slf, Method::CallSoon)
            && core.finished_at_once(callback, args)?
        {
            return Ok(py.None().into_bound(py));
        }
        if args.is_empty() && Self::holds(slf, callback, context) {
            return Ok(py.None().into_bound(py));
        }
        let args = &PyTuple::new(py, args)?;
        if !core.is_debug()
            && let Some(handle) = Self::make_handle(slf, callback, args, context)?
        {
            core.push_ready(handle.clone());
            Self::wake_from_elsewhere(slf)?;
            return Ok(handle);
        }
        let queued = core.ready_len(py);
        Self::standard(slf, &names(py).call_soon, &[callback], args, context).or_else(|error| {
            Self::schedule_all_the_same(slf, queued, callback, args, context, error)
        })
    }

    /// Have `callback(*args)` called in the next turn, by whatever does so on this loop.
    ///
    /// # Errors
    /// What that raises.
    pub(crate) fn call_next<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        if Self::keeps(slf, Method::CallSoon) {
            return Self::soon(slf, callback, args.as_slice(), context).map(drop);
        }
        let py = slf.py();
        let Some(context) = context else {
            let all = before(&[callback], args)?;
            return slf.call_method1(names(py).call_soon.bind(py), all).map(drop);
        };
        let method = slf.getattr(names(py).call_soon.bind(py))?;
        let all: Vec<_> =
            [callback.clone()].into_iter().chain(args.iter()).chain([context.clone()]).collect();
        vectorcall::call_all(&method, &all, slf.get().context_name.bind(py)).map(drop)
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
    /// Have `callback(*args)` called in the next turn of the loop.
    #[pyo3(signature = (callback, *args, context = None))]
    fn call_soon<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::soon(slf, callback, args.as_slice(), context)
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
        if !core.is_debug()
            && !version::is_at_least(slf.py(), 14)
            && let Some(handle) = Self::make_handle(slf, callback, args, context)?
        {
            core.push_ready(handle.clone());
            Self::wake(slf)?;
            return Ok(handle);
        }
        Self::standard(slf, &names(slf.py()).call_soon_threadsafe, &[callback], args, context)
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
            let timer =
                layout.make_timer(when.clone(), slf.as_any(), &what, core.hides_timers())?;
            Timers::new(slf, &core.scheduled(py)?).push(&timer)?;
            Self::wake_from_elsewhere(slf)?;
            return Ok(timer);
        }
        Self::standard(slf, &names(py).call_at, &[when, callback], args, context)
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
        let plain =
            !core.is_debug() && Self::keeps(slf, Method::CallAt) && Self::keeps_systems_time(slf);
        if plain && let Ok(seconds) = delay.extract::<f64>() {
            let when = PyFloat::new(py, monotonic() + seconds).into_any();
            return Self::call_at(slf, &when, callback, args, context);
        }
        Self::standard(slf, &names(py).call_later, &[delay, callback], args, context)
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
        if core.is_debug() || core.task_factory.is_some(py) || options.is_some() {
            let next = PySuper::new(&py.get_type::<Self>(), slf)?;
            let made = next.call_method(names(py).create_task.bind(py), (coro,), options);
            return made.map_err(|error| match whose(py, error) {
                Whose::Interrupts(error) => core.take_back(coro).err().unwrap_or(error),
                Whose::Codes(error) => error,
            });
        }
        Self::make_task(slf, coro, None, None)
    }

    /// A future on this loop.
    fn create_future<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        let class = core.futures.bind(py).getattr(names(py).future.bind(py))?;
        vectorcall::call(&class, [slf.as_any()], core.future_names.bind(py))
    }
}

/// A tuple with these objects before the rest.
pub(super) fn before<'py>(
    first: &[&Bound<'py, PyAny>],
    rest: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyTuple>> {
    let all: Vec<_> = first.iter().map(|object| (*object).clone()).chain(rest.iter()).collect();
    PyTuple::new(rest.py(), all)
}
