//! Cancel a call: its task, which will unwind.

use pyo3::prelude::*;

use crate::finish::{finish, raise_soon};
use crate::model::Call;
use crate::policy::outcome::{Outcome, is_exit};
use crate::python::names::names;

/// Cancel the task of a call. Runs on the loop thread.
///
/// A task that cannot be cancelled, since what it waits for raises, is left to itself: the exception is what comes
/// of its call, and nobody else's business. But an exit is also that of whoever runs the loop, if it is not ours.
pub(crate) fn cancel(call: &Bound<'_, Call>) {
    let (py, inside) = (call.py(), call.get());
    inside.heard_cancel();
    let message = inside.take_cancellation(py);
    let Some(task) = inside.task(py) else { return };
    if inside.has_cancellation(py) {
        if message.is_some() {
            inside.note_cancellation();
            // The next one is another.
            inside.forget_cancelled_inside(py);
        }
        return;
    }
    let error = match cancel_task(&task, message.as_ref()) {
        // One that comes when the task has its outcome is lost there, and whoever awaits it has to know.
        Ok(cancelled) => {
            if cancelled && message.is_some() {
                inside.note_cancellation();
            }
            return;
        }
        Err(error) => error,
    };
    // It counts as cancelled since CPython 3.11, and is not: who unwinds the loop is to know.
    if let Ok(Some(uncancel)) = task.getattr_opt(names(py).uncancel.bind(py)) {
        let _ = uncancel.call0();
    }
    let core = inside.runner(py).get();
    if core.is_guest() && is_exit(py, &error) {
        raise_soon(core, py, error.clone_ref(py));
    }
    finish(call, Outcome::error(py, error));
}

/// Whether the task has got it.
fn cancel_task(task: &Bound<'_, PyAny>, message: Option<&Py<PyAny>>) -> PyResult<bool> {
    let py = task.py();
    match message.filter(|message| !message.is_none(py)) {
        Some(message) => task.call_method1(names(py).cancel.bind(py), (message,))?.is_truthy(),
        None => task.call_method0(names(py).cancel.bind(py))?.is_truthy(),
    }
}
