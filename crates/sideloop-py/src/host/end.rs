//! The end of a host: whoever waits for it is told.

use pyo3::prelude::*;
use sideloop_core::handoff::Completer;
use sideloop_core::host::{Kind, Left, Rest};

use super::looking::look_again;
use crate::finish::{cut_off, finish};
use crate::model::{Host, Kept, Objects, State, left_over, nothing_left};
use crate::policy::outcome::Outcome;
use crate::python::awaiting::Awaiting;

/// The outcome of a step that comes when all is over.
pub(super) fn answer_of(py: Python<'_>, left: Left<Kept>, kind: Kind) -> Outcome {
    left_over(py, left).unwrap_or_else(|| nothing_left(py, kind))
}

/// The same, of what is left now.
pub(super) fn answer_left(host: &Host, py: Python<'_>, kind: Kind) -> Outcome {
    let left = host.with(py, |state| state.left(kind));
    answer_of(py, left, kind)
}

/// The task has ended, or will not run any more: let go of it, and answer those who wait. Returns what wakes the
/// task, if it has to end itself.
pub(super) fn settle(
    host: &Host,
    py: Python<'_>,
    rest: Rest<Objects>,
    mut answer: impl FnMut(Kind) -> Outcome,
) -> Option<Py<PyAny>> {
    if let Some(core) = host.core.get() {
        core.bind(py).get().forget_host(host.key());
    }
    let Rest { asked, waiting, awaiting, wake, lost, objects, outlasting } = rest;
    if let Some((call, kind)) = asked {
        finish(call.0.bind(py), answer(kind));
    }
    for wish in waiting {
        finish(wish.call.0.bind(py), answer(wish.kind));
    }
    drop((awaiting, lost, objects));
    outlasting.into_iter().for_each(Completer::complete);
    if host.reads_ahead {
        look_again(host, py);
    }
    wake
}

/// The loop is gone, or the task was dropped under it. Returns what it awaited.
pub(super) fn take_down(host: &Host, py: Python<'_>) -> Option<Awaiting> {
    let mut rest = host.with(py, State::end);
    let awaiting = rest.awaiting.take();
    let asked = rest.asked.take().map(|(call, _)| call);
    let waiting = std::mem::take(&mut rest.waiting);
    for call in asked.into_iter().chain(waiting.into_iter().map(|wish| wish.call)) {
        cut_off(call.0.bind(py));
    }
    drop(settle(host, py, rest, |_| Outcome::NotStarted));
    awaiting
}

/// The loop is gone.
pub(crate) fn end(host: &Host, py: Python<'_>) {
    drop(take_down(host, py));
}
