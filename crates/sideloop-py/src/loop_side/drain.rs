//! Drain the entry: take the messages that have come in, and act on them.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::entry::Sleep;

use super::cancel::cancel;
use super::start::{FirstStepBy, Started, start};
use crate::event_loop::Tenant;
use crate::finish::finish;
use crate::model::{Call, Drive, RunnerCore, turn_for};
use crate::policy::outcome::Outcome;
use crate::python::names::names;
use crate::python::thread;
use crate::tasks::TaskMaker;

#[pymethods]
impl RunnerCore {
    /// Serve the loop from here on. Once, before the first call. `namer(async_fn)` names the tasks.
    #[pyo3(signature = (event_loop, namer = None))]
    fn bind(
        slf: &Bound<'_, Self>,
        event_loop: &Bound<'_, PyAny>,
        namer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = slf.get().tasks.set(TaskMaker::new(event_loop, namer)?);
        if let Some(own_loop) = &slf.get().own_loop {
            let runner = slf.clone().into_any().unbind();
            let on_own_thread = matches!(slf.get().drive, Drive::Thread);
            let tenant = Tenant { runner, on_own_thread, drain: drain_for_loop, finish_at_once };
            own_loop.get().let_to(slf.py(), Some(tenant));
        }
        Ok(())
    }

    /// The calling thread is the loop thread from here on.
    fn enter_thread(slf: &Bound<'_, Self>) {
        let core = slf.get();
        // ORDERING: Relaxed: compared only with a thread's own number, which it wrote itself.
        core.loop_thread.store(thread::current(), Ordering::Relaxed);
        drop(turn_for(slf.py(), Some(slf.clone())));
    }

    /// Take the messages and act on them. Runs on the loop thread.
    fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        drain(slf)
    }
}

/// Take the messages and act on them.
fn drain(runner: &Bound<'_, RunnerCore>) -> PyResult<()> {
    let (py, core) = (runner.py(), runner.get());
    let mut batch = core.batch.with(py, std::mem::take);
    loop {
        core.unheard_cancel.store(false, Ordering::Relaxed);
        core.entry.take(&mut batch);
        // One of many would be told late: hand-offs wait until there is nothing else to do.
        let alone = batch.len() == 1 && core.is_native();
        let first_step_by = if alone { FirstStepBy::Starter } else { FirstStepBy::Loop };
        let mut left = Ok(());
        for message in batch.drain(..) {
            let Ok(call) = message.bind(py).cast::<Call>() else { continue };
            // Whoever was answered by the one before is told first: this is none of his.
            core.entry.publish_and_go_on();
            match start(call, Instant::now(), first_step_by) {
                Ok(Started::Now) => {}
                // It comes again to be cancelled.
                Ok(Started::Before) => cancel(call),
                // Nothing came with it, where that is the first step's.
                Err(exit) => left = Err(exit),
            }
            if core.is_alone() {
                core.goes_on_in_child(py, call);
                break;
            }
        }
        left?;
        // A loop of ours looks again before it sleeps; a foreign loop's bell must be armed here.
        if core.own_loop.is_some() || core.entry.prepare_sleep() == Sleep::Sleep {
            break;
        }
    }
    core.batch.with(py, |room| std::mem::swap(room, &mut batch));
    if core.entry.take_stop()
        && let Some(tasks) = core.tasks.get()
    {
        tasks.event_loop.call_method0(py, "stop")?;
    }
    Ok(())
}

/// What a loop of ours knows of us: drain, …
fn drain_for_loop(runner: &Bound<'_, PyAny>) -> PyResult<()> {
    drain(runner.cast::<RunnerCore>()?)
}

/// … and that a call which has its value needs no turn of its own. An exception does: asyncio marks it as not
/// retrieved only after it has scheduled the callbacks. Nor is one told here whose caller has code called by it: that
/// would run inside of the task. And only a task of asyncio's own is known to have the answers.
fn finish_at_once(callback: &Bound<'_, PyAny>, args: &[Bound<'_, PyAny>]) -> PyResult<bool> {
    let py = callback.py();
    let Ok(call) = callback.cast_exact::<Call>() else { return Ok(false) };
    let [task, ..] = args else { return Ok(false) };
    if call.get().runner(py).get().is_alone() {
        // There is no other turn.
        finish(call, Outcome::capture(task));
        return Ok(true);
    }
    let tasks = call.get().runner(py).get().tasks.get();
    if !tasks.is_some_and(|tasks| tasks.is_plain(task))
        || call.get().is_told_by_callbacks(py)
        || !has_value(task)?
    {
        return Ok(false);
    }
    finish(call, Outcome::capture(task));
    Ok(true)
}

/// Whether a finished future has a value, rather than an exception or a cancellation.
fn has_value(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = future.py();
    Ok(!future.call_method0(names(py).cancelled.bind(py))?.is_truthy()?
        && future.getattr(names(py).exception.bind(py))?.is_none())
}
