//! The end of a call: nothing else ends one.
//!
//! ```text
//!   finish       its outcome is there                                    ─┐
//!   cut_off      its loop is gone, and finish_all for all calls of that   ├─▶ told: its caller, its future,
//!   refuse       its runner closes before it is started                   │     or the loop's exception handler
//!   withdraw     whoever made it wants it to stop, before it is started  ─┘
//!   leave        its caller waits no longer: the outcome will be nobody's
//! ```
//!
//! User code that runs here, of a future's callbacks or of an exception handler, may exit: then that leaves the loop,
//! as from any callback, in a turn of its own, since whoever ended the call has more to do.
//!
//! In a fork's child whose only thread is the loop's nobody waits: the call that has forked ends the process.
//!
//! Each asks the call's phase, which lets one of them through: `Call::complete` and `Call::cancel` give the
//! answer out once, and without it nobody can be told.

use pyo3::prelude::*;
use sideloop_core::handoff::Completer;
use sideloop_core::phase::{Abandon, Begin, Cancel};

use crate::model::{Answer, Call, Ending, RunnerCore, Withdrawn};
use crate::policy::chain::after;
use crate::policy::interrupt::{TRIES, Whose, whose};
use crate::policy::mismatch;
use crate::policy::outcome::{Outcome, is_cancelled, is_exit};
use crate::python::dictionary;
use crate::python::names::names;

/// The outcome of a call is there. Runs on the loop thread.
pub(crate) fn finish(call: &Bound<'_, Call>, outcome: Outcome) {
    let (py, inside) = (call.py(), call.get());
    let core = inside.runner(py).get();
    let listed = core.running.with(py, |calls| calls.remove(&Call::key(call)));
    drop(listed);
    if core.is_alone() {
        core.ended_in_child(py, outcome);
        return;
    }
    let stopped = match &outcome {
        // That of whoever awaits it is what it was, whatever else happens.
        Outcome::Error(error) => {
            core.entry.is_stopping()
                && is_cancelled(error.value(py))
                && inside.noted_cancellations() == 0
        }
        Outcome::Value(_) | Outcome::NotStarted => false,
    };
    let outcome =
        if stopped { Outcome::Error(core.stopped_error(py, inside.name(py))) } else { outcome };
    if let (Outcome::Error(error), Some(tasks)) = (&outcome, core.tasks.get()) {
        mismatch::explain(error, tasks.event_loop.bind(py));
    }
    let exit = match &outcome {
        Outcome::Error(error) => is_exit(py, error).then(|| error.value(py).clone().unbind()),
        Outcome::Value(_) | Outcome::NotStarted => None,
    };
    match (tell(call, outcome), exit) {
        (Told::Somebody, _) if stopped => core.end_is_told(),
        (Told::Somebody, Some(exit)) => {
            if let Err(error) = RunnerCore::exit_is_told(inside.runner(py), exit.into_any()) {
                // The loop is closed.
                error.write_unraisable(py, None);
            }
        }
        (Told::Somebody | Told::Nobody(None), _) => {}
        // An error of ours that nobody waits for is no news.
        (Told::Nobody(Some(_)), _) if stopped => {}
        (Told::Nobody(Some(lost)), _) => report_lost(core, py, lost),
    }
}

/// The loop is over: whoever still waits gets an error. Runs last on the loop thread.
pub(crate) fn finish_all(runner: &Bound<'_, RunnerCore>) {
    let (py, core) = (runner.py(), runner.get());
    for call in core.running.with(py, std::mem::take).into_values() {
        cut_off(call.bind(py));
    }
}

/// The loop is over before the call is: whoever waits gets an error.
pub(crate) fn cut_off(call: &Bound<'_, Call>) {
    let (py, inside) = (call.py(), call.get());
    let core = inside.runner(py).get();
    let listed = core.running.with(py, |calls| calls.remove(&Call::key(call)));
    drop(listed);
    let error = core.stopped_error(py, inside.name(py));
    match tell(call, Outcome::Error(error)) {
        Told::Somebody => core.end_is_told(),
        // An error of ours that nobody waits for is no news.
        Told::Nobody(_) => {}
    }
}

/// Have this come out of a callback of the loop, which an exit leaves then. From any thread.
pub(crate) fn raise_soon(core: &RunnerCore, py: Python<'_>, error: PyErr) {
    let Some(tasks) = core.tasks.get() else { return };
    if let Err(refused) = tasks.raise_soon(py, &error) {
        // The loop is closed.
        after(py, error, refused).write_unraisable(py, None);
    }
}

/// Close the entry, and send back the calls that were not started, unless that would go on without end.
pub(crate) fn refuse(runner: &Bound<'_, RunnerCore>) {
    let (py, core) = (runner.py(), runner.get());
    for message in core.entry.close() {
        let Ok(call) = message.bind(py).cast::<Call>() else { continue };
        match call.get().send_back() {
            Begin::Run if core.never_ran() => cut_off(call),
            Begin::Run => finish(call, Outcome::NotStarted),
            // It runs, and was to be cancelled, as all that run are now.
            Begin::Skip => {}
        }
    }
}

/// Whoever made the call wants it to stop: ends it if it has not begun.
pub(crate) fn withdraw(call: &Bound<'_, Call>) -> Cancel {
    let py = call.py();
    match call.get().cancel(py) {
        Withdrawn::NeverRan(work, answer) => {
            if let Some(Answer::Future(future)) = answer {
                call.get().runner(py).get().counts.cancelled.add(1);
                let core = call.get().runner(py).get();
                let _ = settle(core, future.bind(py), Outcome::NotStarted);
            }
            drop(work);
            Cancel::NeverRan
        }
        Withdrawn::Interrupt => Cancel::Interrupt,
        Withdrawn::Nothing => Cancel::Nothing,
    }
}

/// The caller waits no longer. What the task still needs is kept for it.
pub(crate) fn leave(call: &Bound<'_, Call>) -> Abandon {
    call.get().abandon()
}

/// Who has got an outcome.
#[must_use]
enum Told {
    Somebody,
    /// With the error, if it was one.
    Nobody(Option<PyErr>),
}

/// Give the outcome to whoever is to have it.
fn tell(call: &Bound<'_, Call>, outcome: Outcome) -> Told {
    let (py, inside) = (call.py(), call.get());
    let core = inside.runner(py).get();
    if let Some((queued, ran)) = inside.take_times(py) {
        core.counts.note_times(queued, ran);
    }
    match inside.complete(py, outcome) {
        Ending::HandOff(completer) => {
            core.entry.next_call.expect();
            hand_off(core, py, completer);
            Told::Somebody
        }
        Ending::Kept => Told::Somebody,
        Ending::Settle(future, outcome) => {
            core.entry.next_call.expect();
            count(core, py, &outcome);
            settle(core, future.bind(py), outcome)
        }
        Ending::Lost(Outcome::Error(error)) => Told::Nobody(Some(error)),
        Ending::Lost(Outcome::Value(_) | Outcome::NotStarted) => Told::Nobody(None),
    }
}

/// Complete the hand-off: when the loop thread detaches, if that is what it does next.
fn hand_off(core: &RunnerCore, py: Python<'_>, completer: Completer) {
    let idle = core.on_loop_thread()
        && core.own_loop.as_ref().is_some_and(|own_loop| !own_loop.get().has_ready(py));
    if idle { core.entry.defer(completer) } else { completer.complete() }
}

/// Enter what a call came to that nobody waits for.
fn count(core: &RunnerCore, py: Python<'_>, outcome: &Outcome) {
    let count = match outcome {
        Outcome::Value(_) => &core.counts.returned,
        Outcome::Error(error) if is_cancelled(error.value(py)) => &core.counts.cancelled,
        Outcome::Error(_) => &core.counts.failed,
        Outcome::NotStarted => &core.counts.sent_back,
    };
    count.add(1);
}

/// Whoever has been answered is told, before code of the user's runs that he does not wait for.
fn publish(core: &RunnerCore) {
    // Elsewhere the loop thread does it by itself.
    if core.on_loop_thread() {
        core.entry.publish_and_go_on();
    }
}

/// Give the future its outcome, and have its callbacks run.
///
/// That is Python code, in which a signal handler may raise, also before anything is done: it is asked again, and goes
/// on where it was. What the handler has raised, or a callback that exits, comes out of a callback of the loop.
fn settle(core: &RunnerCore, future: &Bound<'_, PyAny>, outcome: Outcome) -> Told {
    publish(core);
    let py = future.py();
    let settle = || match &outcome {
        Outcome::Value(value) => future.call_method1(names(py).settle_value.bind(py), (value,)),
        Outcome::Error(error) => {
            future.call_method1(names(py).settle_error.bind(py), (error.value(py),))
        }
        Outcome::NotStarted => future.call_method0(names(py).settle_not_started.bind(py)),
    };
    for _ in 0..TRIES {
        match settle().and_then(|seen| seen.is_truthy()) {
            Ok(true) => return Told::Somebody,
            Ok(false) => break,
            Err(error) => match whose(py, error) {
                Whose::Interrupts(error) => raise_soon(core, py, error),
                Whose::Codes(error) => return Told::Nobody(Some(error)),
            },
        }
    }
    match outcome {
        Outcome::Error(error) => Told::Nobody(Some(error)),
        Outcome::Value(_) | Outcome::NotStarted => Told::Somebody,
    }
}

/// An error that nobody waits for goes where asyncio reports those.
fn report_lost(core: &RunnerCore, py: Python<'_>, error: PyErr) {
    if is_cancelled(error.value(py)) {
        return;
    }
    publish(core);
    let report = || -> PyResult<()> {
        let Some(tasks) = core.tasks.get() else { return Ok(()) };
        let about = dictionary::empty(py)?;
        about.set_item("message", "exception in a sideloop call that nobody waits for any more")?;
        about.set_item("exception", error.value(py))?;
        tasks.event_loop.call_method1(py, "call_exception_handler", (about,)).map(drop)
    };
    match report() {
        Ok(()) => {}
        Err(exit) if is_exit(py, &exit) => raise_soon(core, py, exit),
        Err(error) => error.write_unraisable(py, None),
    }
}

/// As the callback of its task.
#[pymethods]
impl Call {
    /// The task is done: capture its outcome. Runs on the loop thread.
    fn __call__(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) {
        finish(slf, Outcome::capture(task));
    }
}
