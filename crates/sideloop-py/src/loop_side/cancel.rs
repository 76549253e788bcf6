//! Cancel a call: its task, which will unwind.

use pyo3::prelude::*;

use crate::finish::{exit_soon, finish};
use crate::model::Call;
use crate::policy::outcome::{Outcome, is_exit};

/// Cancel the task of a call. Runs on the loop thread.
///
/// A task that cannot be cancelled, since what it waits for raises, is left to itself: the exception is what comes
/// of its call, and nobody else's business. But an exit is also that of whoever runs the loop, if it is not ours.
pub(crate) fn cancel(call: &Bound<'_, Call>) {
    let (py, inside) = (call.py(), call.get());
    inside.heard_cancel();
    if inside.has_cancellation(py) {
        return;
    }
    let Some(task) = inside.task(py) else { return };
    let Err(error) = task.call_method0("cancel") else { return };
    // It counts as cancelled since CPython 3.11, and is not: who unwinds the loop is to know.
    if let Ok(Some(uncancel)) = task.getattr_opt("uncancel") {
        let _ = uncancel.call0();
    }
    let core = inside.runner(py).get();
    if core.is_guest() && is_exit(py, &error) {
        exit_soon(core, py, error.clone_ref(py));
    }
    finish(call, Outcome::error(py, error));
}
