//! What was written before a fork leaves before it.

use pyo3::prelude::*;

use crate::event_loop::LoopCore;
use crate::python::running_loop::running_loop;

/// Send what this thread's loop has gathered. To be called before a fork: the child would have it, too.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code.
#[pyfunction]
pub(crate) fn send_before_fork(py: Python<'_>) -> PyResult<()> {
    match running_loop(py)? {
        Some(running) => match running.cast::<LoopCore>() {
            Ok(event_loop) => event_loop.get().send_now(py),
            Err(_) => Ok(()),
        },
        None => Ok(()),
    }
}
