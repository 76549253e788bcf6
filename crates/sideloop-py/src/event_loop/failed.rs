//! What becomes of the exception of a callback.

use pyo3::prelude::*;

use super::core::LoopCore;
use crate::policy::interrupt::{Whose, whose};
use crate::policy::outcome::is_exit;
use crate::python::names::names;

/// Leave the loop with it, or tell the exception handler; `handle` is the one that the callback was run by.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt`, and what a signal handler raises where the caller drives the loop.
pub(super) fn settle<'py>(
    event_loop: &Bound<'py, PyAny>,
    done: PyResult<()>,
    handle: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = event_loop.py();
    let error = match done {
        Ok(()) => return Ok(()),
        Err(error) if is_exit(py, &error) => return Err(error),
        // Where the caller drives, it waits for what a signal handler has interrupted.
        Err(error) if is_driven(event_loop) => match whose(py, error) {
            Whose::Interrupts(error) => return Err(error),
            Whose::Codes(error) => error,
        },
        Err(error) => error,
    };
    let module = py.import("sideloop._loops.event_loop")?;
    let report = module.getattr(names(py).report_callback_error.bind(py))?;
    let handle = handle()?;
    // With its traceback, which `value` leaves aside before CPython 3.12.
    report.call1((event_loop, handle, error.into_value(py))).map(drop)
}

/// Whether a caller drives this loop.
fn is_driven(event_loop: &Bound<'_, PyAny>) -> bool {
    event_loop.cast::<LoopCore>().is_ok_and(|core| core.get().is_driven(event_loop.py()))
}
