//! Start a call: on the loop thread, attached, inside the caller's context.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::prelude::*;

use crate::event_loop::FirstStep;
use crate::finish::finish;
use crate::host::{arrive, refill};
use crate::model::{Begun, Call, Work};
use crate::policy::async_fn::check_awaitable;
use crate::policy::outcome::{Outcome, is_exit};
use crate::python::coroutine::is_coroutine;
use crate::python::{context, inside};
use crate::tasks::TaskMaker;

/// What came of it.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    Now,
    /// It had begun, or nobody waits for it.
    Before,
}

/// Who may make the first step of the call's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstStepBy {
    /// Whoever starts the call, if nothing else is ready.
    Starter,
    /// The loop, in its turn.
    Loop,
}

/// Start a call: the user's function is called here.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` of its first step, as from any callback of the loop; where somebody else
/// runs that, also those of the function itself.
pub(crate) fn start(
    call: &Bound<'_, Call>,
    now: Instant,
    first_step_by: FirstStepBy,
) -> PyResult<Started> {
    let (py, inside) = (call.py(), call.get());
    let core = inside.runner(py).get();
    let work = match inside.begin(py, now) {
        Begun::Run(work) => work,
        Begun::Skip => return Ok(Started::Before),
    };
    core.served.store(true, Ordering::Relaxed);
    if inside.is_late(now) && work.as_ref().is_some_and(Work::begins) {
        // Its caller is about to give it up, if it still knows that limit: it looks again.
        drop(work);
        finish(call, Outcome::NotStarted);
        return Ok(Started::Now);
    }
    let (Some(work), Some(tasks)) = (work, core.tasks.get()) else {
        finish(call, Outcome::NotStarted);
        return Ok(Started::Now);
    };
    let before =
        core.running.with(py, |calls| calls.insert(Call::key(call), call.clone().unbind()));
    drop(before);
    match make_task(tasks, call, work, first_step_by) {
        Ok(Some(first_step)) => first_step.run(py)?,
        Ok(None) => {}
        Err(error) => {
            // On a loop of its own it is the caller's alone. On somebody else's it is what it would be in the
            // first step of a task there.
            let exit = (core.is_guest() && is_exit(py, &error)).then(|| error.clone_ref(py));
            finish(call, Outcome::error(py, error));
            if let Some(exit) = exit {
                return Err(exit);
            }
        }
    }
    Ok(Started::Now)
}

/// Call the user's function and make a task of what it returns, with `call` as its callback. The task's first
/// step may come back, to be run.
fn make_task(
    tasks: &TaskMaker,
    call: &Bound<'_, Call>,
    work: Work,
    first_step_by: FirstStepBy,
) -> PyResult<Option<FirstStep>> {
    let py = call.py();
    let (args, kwargs, context) = match work {
        Work::Function { args, kwargs, context, is_kept: _ } => (args, kwargs, context),
        Work::Step(step) => {
            let host = step.host.clone_ref(py);
            return arrive(host.bind(py), tasks, call, step).map(|()| None);
        }
        Work::Refill(host) => {
            finish(call, Outcome::Value(py.None()));
            return refill(host.bind(py)).map(|()| None);
        }
    };
    let context = context.bind(py);
    let async_fn = call.get().async_fn(py);
    // One that others run in, too, would say so to them.
    if inside::is_in_use() && !call.get().is_in_kept_context && call.get().serves(py) {
        inside::enter_in(context, call)?;
    }
    let awaitable =
        context::enter(context, || async_fn.call(args.bind(py), Some(kwargs.bind(py))))?;

    let (task, first_step) = match first_step_by {
        _ if !is_coroutine(&awaitable) => {
            check_awaitable(&awaitable, async_fn)?;
            (context::enter(context, || tasks.ensure_future(&awaitable))?, None)
        }
        FirstStepBy::Starter => tasks.make_to_step(&awaitable, context, async_fn)?,
        FirstStepBy::Loop => (tasks.make(&awaitable, context, async_fn)?, None),
    };

    call.get().set_task(task.clone());
    match (tasks.tell_when_done(&task, call.as_any(), context), first_step) {
        (Ok(()), first_step) => Ok(first_step),
        // The task is there, and runs on without us.
        (Err(error), Some(first_step)) => first_step.run(py).and(Err(error)),
        (Err(error), None) => Err(error),
    }
}
