//! Cancel a call: its task, which will unwind.

use pyo3::prelude::*;

use crate::model::Call;

/// Cancel the task of a call. Runs on the loop thread.
///
/// # Errors
/// What the task's `cancel` raises.
pub(crate) fn cancel(call: &Bound<'_, Call>) -> PyResult<()> {
    call.get().heard_cancel();
    match call.get().task(call.py()) {
        Some(task) => task.call_method0("cancel").map(drop),
        None => Ok(()),
    }
}
