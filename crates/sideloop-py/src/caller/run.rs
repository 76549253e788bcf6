//! Run a call: make it, have it run on the runner's loop, and wait until it has ended or patience does.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::driving::drive;
use super::errand::refuse;
use super::importing;
use super::nesting::Nested;
use super::pause::Pause;
use super::report::left_behind;
use super::waiting::Waiting;
use crate::model::{Answer, Call, Drive, RunnerCore, Work, runs_hook_of};
use crate::policy::chain::after;
use crate::policy::deadline::{self, Limit};
use crate::policy::errors::name_of;
use crate::policy::outcome::{Outcome, is_cancelled, never_an_end};
use crate::policy::patience::{Ended, Patience};
use crate::python::{sniffed, thread};

/// What came of asking a runner to run a call.
pub(crate) enum Run {
    /// The awaited value.
    Value(Py<PyAny>),
    /// The runner was closed before the user's function was called.
    NotStarted,
}

/// Run a call to its end, or learn that it was not started: in a copy of the caller's context, or within another one.
pub(crate) fn run(
    runner: &Bound<'_, RunnerCore>,
    async_fn: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
    within: Option<&Py<PyAny>>,
) -> PyResult<Run> {
    let limit = deadline::at_the_door(async_fn)?;
    let context = match within {
        Some(context) => context.clone_ref(runner.py()),
        None => sniffed::copy_context(runner.py())?,
    };
    let (args, kwargs) = (args.clone().unbind(), kwargs.clone().unbind());
    let work = Work::Function { args, kwargs, context, is_kept: within.is_some() };
    wait_for(runner, async_fn, work, limit.as_ref())
}

/// Do some work for this function, and wait until it is done or patience ends.
pub(crate) fn wait_for(
    runner: &Bound<'_, RunnerCore>,
    async_fn: &Bound<'_, PyAny>,
    work: Work,
    limit: Option<&Bound<'_, Limit>>,
) -> PyResult<Run> {
    let py = runner.py();
    let core = runner.get();
    if !core.entry.accepts() {
        return not_started(core, async_fn);
    }
    let now = Instant::now();
    let report = core.slow.map(|slow| now + slow);
    let limit = || limit.map(|limit| limit.clone().unbind());
    let patience = Patience::new(limit(), core.grace, report);
    let new_call = |answer| {
        let call = Call::new(runner.clone().unbind(), async_fn, work, answer, now);
        let call = Bound::new(py, call.within(limit()))?;
        if let Some(greenlet) = thread::greenlet(py)? {
            call.get().set_greenlet(py, greenlet);
        }
        PyResult::Ok(call)
    };
    let (call, ended) = match &core.drive {
        Drive::Caller(driver) if driver.is_mine() || !runs_hook_of(runner) => {
            let call = new_call(Answer::Driver)?;
            let _nested = Nested::enter(&call)?;
            core.counts.entered.add(1);
            let ended = drive(driver, &call, patience);
            (call, ended)
        }
        Drive::Thread | Drive::Other(_) | Drive::Caller(_) => {
            let (completer, pause) = Pause::new()?;
            let call = new_call(Answer::HandOff(completer))?;
            let _nested = Nested::enter(&call)?;
            let import = importing::Wait::begin(runner)?;
            core.counts.entered.add(1);
            let waiting = Waiting { call: &call, pause, patience };
            let ended = waiting.submit_and_wait();
            let over = import.map_or(Ok(()), importing::Wait::end);
            let ended = interrupted(py, ended, over);
            let is_asked = call.get().has_had_errands(py);
            let ended = if is_asked { interrupted(py, ended, refuse(&call)) } else { ended };
            (call, ended)
        }
    };
    // Before anything that it holds is dropped: the interpreter runs a signal's handler in the next Python code
    // there is, and what it raises in a finalizer is lost.
    let ended = interrupted(py, ended, py.check_signals());
    match ended.inspect_err(|_| core.counts.note_sent_back())? {
        Ended::Outcome(Outcome::Value(value)) => {
            core.counts.returned.add(1);
            Ok(Run::Value(value))
        }
        Ended::Outcome(Outcome::Error(error)) => {
            core.counts.failed.add(1);
            if call.get().is_cancelled_for_outer() && is_cancelled(error.value(py)) {
                call.get().pass_cancellation_on();
            }
            Err(error)
        }
        Ended::Outcome(Outcome::NotStarted) => {
            core.counts.sent_back.add(1);
            not_started(core, async_fn)
        }
        Ended::Stopped(error) => {
            core.counts.cancelled.add(1);
            Err(never_an_end(py, error))
        }
        Ended::Abandoned(error) => {
            core.counts.abandoned.add(1);
            let error = match left_behind(&call) {
                Ok(()) => error,
                Err(later) => after(py, later, error),
            };
            Err(never_an_end(py, error))
        }
    }
}

/// Another loop may serve it, unless that would end as this one did: before it ran.
fn not_started(core: &RunnerCore, async_fn: &Bound<'_, PyAny>) -> PyResult<Run> {
    let never_ran = core.never_ran_error(async_fn.py(), || name_of(async_fn));
    never_ran.map_or(Ok(Run::NotStarted), Err)
}

/// How the wait ended, with what came up at its end.
fn interrupted(py: Python<'_>, ended: PyResult<Ended>, by: PyResult<()>) -> PyResult<Ended> {
    match (ended, by) {
        (ended, Ok(())) => ended,
        (Ok(ended), Err(error)) => Ok(ended.interrupted_by(py, error)),
        (Err(before), Err(error)) => Err(after(py, error, before)),
    }
}
