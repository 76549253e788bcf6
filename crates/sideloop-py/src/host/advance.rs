//! The work of a host's task: begin a step, go on with it, answer it.

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::finish::finish;
use crate::model::{Host, Kind, Place};
use crate::policy::async_fn::not_awaitable;
use crate::policy::outcome::{Outcome, is_cancelled};
use crate::python::awaiting::{Awaiting, Went};

/// What the task does next.
enum Next {
    /// Await what this returns.
    Begin(Py<PyAny>, Option<Py<PyTuple>>),
    Wait,
    End,
}

/// Do what there is to do, until something has to be waited for: returns that, or None at the end.
/// `thrown` is raised where the task waits.
pub(super) fn advance(
    host: &Bound<'_, Host>,
    mut thrown: Option<PyErr>,
) -> PyResult<Option<Py<PyAny>>> {
    let (py, inside) = (host.py(), host.get());
    loop {
        let outcome = match (inside.take_awaiting(), thrown.take()) {
            (Some(awaiting), thrown) => {
                let went = match thrown {
                    None => awaiting.send(py),
                    Some(error) => awaiting.throw(py, error),
                };
                match went {
                    Ok(Went::Until(future)) => {
                        inside.set_place(Place::Stepping(Some(awaiting)));
                        return Ok(Some(future));
                    }
                    Ok(Went::Returned(value)) => Some(Outcome::Value(value)),
                    Err(error) => Some(Outcome::error(py, error)),
                }
            }
            (None, Some(cancellation)) => {
                {
                    let mut inner = inside.inner();
                    (inner.last, inner.rescuing) = (false, true);
                }
                begin(host, || inside.rescue.bind(py).call1((cancellation.value(py),)))
            }
            (None, None) => match next(host) {
                Next::Begin(next, Some(args)) => begin(host, || next.bind(py).call1(args.bind(py))),
                Next::Begin(next, None) => begin(host, || next.bind(py).call0()),
                Next::Wait => return Ok(Some(host.clone().into_any().unbind())),
                Next::End => return Ok(None),
            },
        };
        if let Some(outcome) = outcome {
            answer(host, outcome);
        }
    }
}

fn next(host: &Bound<'_, Host>) -> Next {
    let (py, inside) = (host.py(), host.get());
    let taken = {
        let mut inner = inside.inner();
        if matches!(inner.place, Place::Over) {
            return Next::End;
        }
        match inner.next.take() {
            Some((call, step)) => {
                inner.last = step.kind.is_last();
                Some((inner.asked.replace(call), step))
            }
            None => {
                inner.last = false;
                None
            }
        }
    };
    if let Some((before, step)) = taken {
        drop(before);
        return Next::Begin(step.async_fn, step.args);
    }
    match &inside.next_item {
        Some(next_item) if inside.inner().ready.len() < inside.read_ahead => {
            Next::Begin(next_item.clone_ref(py), None)
        }
        Some(_) | None => Next::Wait,
    }
}

/// Begin to await what `made` makes. Returns the outcome if that fails.
fn begin<'py>(
    host: &Bound<'py, Host>,
    made: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> Option<Outcome> {
    let (py, inside) = (host.py(), host.get());
    inside.set_place(Place::Stepping(None));
    let begun = made().and_then(|found| {
        Awaiting::begin(&found)?.ok_or_else(|| not_awaitable(&found, inside.async_fn.bind(py)))
    });
    match begun {
        Ok(awaiting) => {
            inside.set_place(Place::Stepping(Some(awaiting)));
            None
        }
        Err(error) => Some(Outcome::error(py, error)),
    }
}

/// The step has ended: tell whoever asked for it, or keep the outcome for whoever asks next.
pub(super) fn answer(host: &Bound<'_, Host>, outcome: Outcome) {
    let (py, inside) = (host.py(), host.get());
    let (before, asked) = {
        let mut inner = inside.inner();
        let over = inner.last || matches!(outcome, Outcome::Error(_));
        let place = if over { Place::Over } else { Place::Awake };
        inner.rescuing = false;
        (std::mem::replace(&mut inner.place, place), inner.asked.take())
    };
    drop(before);
    match asked {
        Some(call) => finish(call.bind(py), outcome),
        None => inside.inner().ready.push_back(outcome),
    }
    if inside.is_over() {
        end(inside, py);
        let waiting = inside.inner().next.take();
        if let Some((call, step)) = waiting {
            let last = take_last(inside, py, step.kind);
            finish(call.bind(py), last.unwrap_or_else(|| step.kind.nothing_left(py)));
        }
    }
}

/// What a step gets that comes when all is over.
pub(crate) fn take_last(host: &Host, py: Python<'_>, kind: Kind) -> Option<Outcome> {
    match kind {
        Kind::Item | Kind::Word | Kind::Only | Kind::Exit | Kind::Refill => {
            host.inner().ready.pop_front()
        }
        // What was read ahead is lost, but no error; that it was cancelled is none.
        Kind::Close | Kind::Collect => {
            let ready = std::mem::take(&mut host.inner().ready);
            ready.into_iter().find(|outcome| match outcome {
                Outcome::Error(error) => {
                    let error = error.value(py);
                    !is_cancelled(error) && !error.is_instance_of::<PyStopAsyncIteration>()
                }
                Outcome::Value(_) | Outcome::NotStarted => false,
            })
        }
    }
}

/// The task has ended, or will not any more: let go of it.
pub(crate) fn end(host: &Host, py: Python<'_>) {
    if let Some(core) = host.core.get() {
        core.bind(py).get().forget_host(host.key());
    }
    let (before, outlasted) = {
        let mut inner = host.inner();
        (std::mem::replace(&mut inner.place, Place::Over), inner.outlasted.take())
    };
    drop(before);
    if let Some(completer) = outlasted {
        completer.complete();
    }
}
