//! Stop a call: its task is cancelled on its loop; and where that waits, since the task has made a nested call and waits
//! for it, that call is stopped as well, through any depth. Else the loop would not hear of it before the nested call
//! has ended.
//!
//! What a nested call that was stopped so raises in the task is the task's own cancellation: it gets no second one, which
//! would cut its cleanup off.
//!
//! A nested call may have the waiting thread run an errand, which calls in turn: then the thread waits for that one first,
//! and both are stopped.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use sideloop_core::phase::{Begin, Cancel};

use super::suspended::is_suspended;
use crate::finish::{finish, withdraw};
use crate::model::{Call, RunnerCore, waited_for};
use crate::policy::outcome::{Outcome, cancelled_class};
use crate::send::send;

/// Have a call stop that somebody else waits for.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(crate) fn stop(call: &Bound<'_, Call>) -> PyResult<()> {
    match withdraw(call) {
        Cancel::Interrupt => stop_running(call),
        Cancel::NeverRan | Cancel::Nothing => Ok(()),
    }
}

/// Have a call stop as asyncio has what a task awaits: each time anew, and with this message. What cleans up is begun
/// all the same, and hears of it where it waits first.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(crate) fn stop_awaited(call: &Bound<'_, Call>, message: Bound<'_, PyAny>) -> PyResult<()> {
    let inside = call.get();
    if inside.is_to_clean_up(call.py()) {
        inside.expect_cancellation(message);
        return send(call).map(drop);
    }
    if withdraw(call) == Cancel::NeverRan || inside.is_done() {
        return Ok(());
    }
    inside.expect_cancellation(message);
    stop_running(call)
}

/// Have a call stop whose phase says that it is to. A closed entry cancels all its tasks anyway.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(super) fn stop_running(call: &Bound<'_, Call>) -> PyResult<()> {
    let core = call.get().runner(call.py()).get();
    core.unheard_cancel.store(true, Ordering::Relaxed);
    let inner = stop_inner(call);
    send(call).map(drop).and(inner)
}

/// Stop the calls that keep a call's loop waiting, if they do so on its account.
fn stop_inner(call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, core) = (call.py(), call.get().runner(call.py()).get());
    let Some(tasks) = core.tasks.get() else { return Ok(()) };
    let event_loop = tasks.event_loop.bind(py);
    if waited_for(event_loop).is_empty() {
        return Ok(());
    }
    let by_its_task = is_current(call, event_loop)?;
    // Another task of its own may have made it. Where other calls run, it may be one of theirs.
    if !by_its_task && core.running.with(py, |calls| calls.len()) > 1 {
        return Ok(());
    }
    let waited_for = waited_for(event_loop);
    if cfg!(Py_GIL_DISABLED)
        && let Some(through) = call.get().stopped_through(py)
        && !waited_for.iter().any(|inner| inner.is(&through))
    {
        // It has heard of it meanwhile, by a call that it had made, and cleans up: by what it waits for now.
        return Ok(());
    }
    let mut stopped = Ok(());
    for (depth, inner) in waited_for.iter().enumerate() {
        let its_own = by_its_task && depth == 0;
        let one = if its_own { stop_nested(call, inner) } else { stop_waited_for(inner) };
        stopped = stopped.and(one);
    }
    stopped
}

/// Stop a call that the task of another one has made and waits for, with that.
fn stop_nested(outer: &Bound<'_, Call>, inner: &Bound<'_, Call>) -> PyResult<()> {
    outer.get().cancel_through(inner);
    stop_waited_for(inner)
}

/// Stop a call that another thread waits for. One that was not started is over at once.
fn stop_waited_for(call: &Bound<'_, Call>) -> PyResult<()> {
    match call.get().send_back() {
        Begin::Run => {
            let cancellation = cancelled_class(call.py())?.call0()?;
            finish(call, Outcome::Error(PyErr::from_value(cancellation)));
            Ok(())
        }
        Begin::Skip => stop(call),
    }
}

/// Before a call is put in that the calling thread makes while it turns the loop of `outer`: if the task that makes it
/// was asked to stop, and has not heard of it, it hears of it here, as it would at an `await`.
///
/// # Errors
/// What asking asyncio for the current task raises.
pub(super) fn hear(outer: &RunnerCore, inner: &Bound<'_, Call>) -> PyResult<()> {
    let py = inner.py();
    // Without the interpreter lock the flag may be put down by a `drain` that comes between the flag and the message:
    // the calls themselves are asked. Whoever stops one says so to it first, and looks then who is waited for; the wait
    // of `inner` was entered before this look. So one of the two sees the other.
    if cfg!(not(Py_GIL_DISABLED)) && !outer.unheard_cancel.load(Ordering::Relaxed) {
        return Ok(());
    }
    let Some(tasks) = outer.tasks.get() else { return Ok(()) };
    let unheard = |call: &&Py<Call>| call.get().is_cancelling() && !call.get().has_heard_cancel();
    let running = outer.running.with(py, |calls| {
        let unheard = calls.values().filter(unheard);
        unheard.map(|call| call.clone_ref(py)).collect::<Vec<_>>()
    });
    for call in running {
        let call = call.bind(py);
        let inside = call.get();
        let event_loop = tasks.event_loop.bind(py);
        if !inside.has_cancellation(py)
            && !hears_later(call, event_loop)
            && is_current(call, event_loop)?
        {
            return stop_nested(call, inner);
        }
    }
    Ok(())
}

/// Whether its task hears of it through the call that it waits for: what calls meanwhile is an errand of that one's.
fn hears_later(call: &Bound<'_, Call>, event_loop: &Bound<'_, PyAny>) -> bool {
    let through = call.get().cancelled_inside(call.py());
    through.is_some_and(|through| waited_for(event_loop).iter().any(|inner| inner.is(&through)))
}

/// Whether the step that a loop makes now is one of this call's task.
fn is_current(call: &Bound<'_, Call>, event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = call.py();
    let Some(task) = call.get().task(py) else { return Ok(false) };
    let current = py.import("asyncio.tasks")?.call_method1("current_task", (event_loop,))?;
    Ok(current.is(&task) || is_suspended(&task))
}
