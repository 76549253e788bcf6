//! The work of a host's task: begin a step, go on with it, answer it. The task does it, or somebody in its stead.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sideloop_core::host::{Ended, Look, Suspended, Throw, Time};

use super::end::{answer_left, settle};
use crate::finish::finish;
use crate::model::{Call, Host, Kept, State, Todo};
use crate::policy::async_fn::not_awaitable;
use crate::policy::errors::name_of;
use crate::policy::outcome::Outcome;
use crate::python::awaiting::{Awaiting, Went};
use crate::python::names::names;

/// Where the work stops.
#[must_use]
pub(super) enum Stop {
    /// The task waits for this.
    Await(Py<PyAny>),
    /// The task waits for the host.
    Wait,
    /// The task gives its loop a turn.
    Yield,
    /// The task ends.
    End,
    /// Nothing is left to do in the task's stead.
    Rest,
    /// By this the task is woken, to wait for what was met in its stead, or to end.
    Wake(Py<PyAny>),
    /// The same, in a turn of its own.
    WakeSoon(Py<PyAny>),
}

/// What was begun or gone on with: it waits, or has ended.
type Gone = PyResult<(Awaiting, Went)>;

/// Do what there is to do, until something has to be waited for. `thrown` is raised where the task waits.
///
/// # Errors
/// What was thrown, if there is nothing to throw it into; `ValueError` if the work is being done already.
pub(super) fn advance(
    host: &Bound<'_, Host>,
    mut thrown: Option<PyErr>,
    mut time: Time,
) -> PyResult<Stop> {
    let (py, inside) = (host.py(), host.get());
    let mut told = false;
    loop {
        let gone = match thrown.take() {
            Some(error) => match inside.with(py, State::throw) {
                Throw::Into(awaiting, met) => {
                    if let Some(met) = met {
                        // Cancelled before it waited for this. What is no future is found out later.
                        let _ = met.call_method0(py, "cancel");
                    }
                    awaiting.throw(py, error).map(|went| (awaiting, went))
                }
                Throw::Rescue => begin(host, || inside.rescue.bind(py).call1((error.value(py),))),
                Throw::Woken(wake) => {
                    drop(wake);
                    thrown = Some(error);
                    continue;
                }
                Throw::Over => return Err(error),
                Throw::Runs => return Err(runs_already(inside, py)),
            },
            // What else there is to do is the parent's.
            None if told && is_alone(inside, py) => return Ok(Stop::Rest),
            None => match inside.with(py, |state| state.look(time)) {
                Look::Begin(todo) => {
                    publish(inside, py, &mut told);
                    begin(host, || todo.call(py))
                }
                Look::ReadAhead => {
                    publish(inside, py, &mut told);
                    begin(host, || match &inside.next_item {
                        Some(next_item) => next_item.bind(py).call0(),
                        None => Err(runs_already(inside, py)),
                    })
                }
                Look::Resume(awaiting) => awaiting.send(py).map(|went| (awaiting, went)),
                Look::Tell(asked, kept) => {
                    finish(asked.0.bind(py), inside.explained(py, kept.outcome(py)));
                    told = true;
                    continue;
                }
                Look::Skip(wish) => {
                    finish(wish.call.0.bind(py), Outcome::NotStarted);
                    continue;
                }
                Look::Woken(wake) => {
                    drop(wake);
                    continue;
                }
                Look::Await(met) => return Ok(Stop::Await(met)),
                Look::Wait => return Ok(Stop::Wait),
                Look::Yield => return Ok(Stop::Yield),
                Look::Rest => return Ok(Stop::Rest),
                Look::WakeSoon(wake) => return Ok(Stop::WakeSoon(wake)),
                Look::End => return Ok(Stop::End),
                Look::Runs => return Err(runs_already(inside, py)),
            },
        };
        let kept = match gone {
            Ok((awaiting, Went::Until(until))) => {
                return Ok(match inside.with(py, |state| state.suspended(awaiting, until)) {
                    Suspended::Await(until) => Stop::Await(until),
                    Suspended::Wake(wake) => Stop::Wake(wake),
                    Suspended::Over(awaiting, until) => {
                        drop(until);
                        awaiting.close(py)?;
                        Stop::End
                    }
                });
            }
            Ok((_, Went::Returned(value))) => Kept::Value(value),
            Err(error) => Kept::error(py, error),
        };
        match inside.with(py, |state| state.ended(kept)) {
            Ended::Tell(asked, kept) => {
                take_back(inside, asked.0.bind(py));
                finish(asked.0.bind(py), kept.outcome(py));
                (told, time) = (true, Time::Short);
            }
            Ended::Kept => time = spare_time(inside, py),
            Ended::Over(asked, rest) => {
                if let Some((asked, kept)) = asked {
                    finish(asked.0.bind(py), kept.outcome(py));
                }
                let wake = settle(inside, py, rest, |kind| answer_left(inside, py, kind));
                return Ok(wake.map_or(Stop::End, Stop::Wake));
            }
            Ended::Late(kept) => drop(kept),
        }
    }
}

/// Begin to await what `made` makes.
fn begin<'py>(host: &Bound<'py, Host>, made: impl FnOnce() -> PyResult<Bound<'py, PyAny>>) -> Gone {
    let (py, found) = (host.py(), made()?);
    let awaiting = Awaiting::begin(&found)?
        .ok_or_else(|| not_awaitable(&found, host.get().async_fn.bind(py)))?;
    let went = awaiting.send(py)?;
    Ok((awaiting, went))
}

/// The cancellations that a step has got were its own. What they came to is told with it, and the task goes on as one
/// that is not cancelled: a time limit in it that is over later is to know whose cancellation it sees.
fn take_back(host: &Host, call: &Bound<'_, Call>) {
    let py = call.py();
    let cancellations = call.get().noted_cancellations();
    if cancellations == 0 {
        return;
    }
    let Some(task) = host.task.get().map(|task| task.bind(py)) else { return };
    // From CPython 3.11 on.
    if let Ok(Some(uncancel)) = task.getattr_opt(names(py).uncancel.bind(py)) {
        for _ in 0..cancellations {
            let _ = uncancel.call0();
        }
    }
}

/// Tell those who were answered, before user code runs that they have not asked for.
fn publish(host: &Host, py: Python<'_>, told: &mut bool) {
    if std::mem::take(told)
        && let Some(core) = host.core.get()
    {
        core.bind(py).get().entry.publish_and_go_on();
    }
}

/// Whether this is a fork's child, made by a step, which is over.
fn is_alone(host: &Host, py: Python<'_>) -> bool {
    host.core.get().is_some_and(|core| core.bind(py).get().is_alone())
}

/// Whether another item may be made at once. If anything else is to be done on the loop, that comes first.
fn spare_time(host: &Host, py: Python<'_>) -> Time {
    let Some(core) = host.core.get().map(|core| core.bind(py).get()) else { return Time::Short };
    let ready = core.own_loop.as_ref().is_some_and(|own_loop| own_loop.get().has_ready(py));
    if ready || core.entry.has_news() { Time::Short } else { Time::Spare }
}

fn runs_already(host: &Host, py: Python<'_>) -> PyErr {
    PyValueError::new_err(format!(
        "a step of {} runs already: only its own task awaits its host",
        name_of(host.async_fn.bind(py))
    ))
}

impl Todo {
    fn call<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.args {
            Some(args) => self.async_fn.bind(py).call1(args.bind(py)),
            None => self.async_fn.bind(py).call0(),
        }
    }
}
