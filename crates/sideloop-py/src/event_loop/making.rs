//! How a task is made: a call of asyncio's class, with options that are kept from one task to the next.
//!
//! A call by keyword makes a dictionary for the class each time, which is a tenth of the whole (counted by
//! callgrind on CPython 3.11).

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::core::LoopCore;
use super::overrides::Method;
use crate::python::dictionary;
use crate::python::names::names;
use crate::python::version;

impl LoopCore {
    /// Whether a task is made by a call of asyncio's class and nothing else.
    pub(crate) fn makes_tasks_plainly(slf: &Bound<'_, Self>) -> bool {
        let core = slf.get();
        !core.is_debug()
            && !core.task_factory.is_some(slf.py())
            && Self::keeps(slf, Method::CreateTask)
    }

    /// A task for a coroutine: what `BaseEventLoop.create_task` makes when there is nothing special.
    ///
    /// Without a context the task copies the current one; up to CPython 3.10 it takes none. Without a name
    /// asyncio gives it one.
    pub(crate) fn make_task<'py>(
        slf: &Bound<'py, Self>,
        coro: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        name: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = slf.get();
        core.check_open()?;
        let class = core.tasks.bind(py).getattr(names(py).task.bind(py))?;
        // Taken away: what runs while the task is made may make another.
        let options = match core.task_options.take(py) {
            Some(kept) => kept.into_bound(py).cast_into::<PyDict>()?,
            None => {
                let options = dictionary::empty(py)?;
                options.set_item(names(py).event_loop.bind(py), slf)?;
                options
            }
        };
        set(&options, context, name)?;
        let made = class
            .call((coro,), Some(&options))
            .map_err(|error| slf.get().take_back(coro).err().unwrap_or(error));
        // The context holds what the user has put there; it ends with its task.
        if context.is_some() {
            options.set_item(names(py).context_name.bind(py), py.None())?;
        }
        core.task_options.set(py, Some(options.into_any().unbind()));
        made
    }

    /// Take back the first step of a task that was not made: asyncio schedules it before it runs Python code of
    /// its own (up to CPython 3.13), in which a signal handler may raise.
    pub(super) fn take_back(&self, coro: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = coro.py();
        if let Some(step) = self.hold.take(py) {
            forget_task_of(&step)?;
        }
        for handle in self.ready.get().snapshot(py)?.iter() {
            let Some(step) = handle.getattr_opt("_callback")? else { continue };
            if runs(&step, coro)? {
                forget_task_of(&step)?;
                handle.call_method0("cancel")?;
            }
        }
        Ok(())
    }
}

/// Whether this is a step of a task for this coroutine.
fn runs(step: &Bound<'_, PyAny>, coro: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(task) = step.getattr_opt("__self__")? else { return Ok(false) };
    let Some(get_coro) = task.getattr_opt("get_coro")? else { return Ok(false) };
    Ok(get_coro.call0()?.is(coro))
}

/// Have asyncio say nothing when the task of this step is dropped: nobody has got it.
fn forget_task_of(step: &Bound<'_, PyAny>) -> PyResult<()> {
    step.getattr("__self__")?.setattr("_log_destroy_pending", false)
}

fn set(
    options: &Bound<'_, PyDict>,
    context: Option<&Bound<'_, PyAny>>,
    name: Option<&Bound<'_, PyString>>,
) -> PyResult<()> {
    let py = options.py();
    options.set_item(names(py).name.bind(py), name)?;
    if version::is_at_least(py, 11) {
        options.set_item(names(py).context_name.bind(py), context)?;
    }
    Ok(())
}
