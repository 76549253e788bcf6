//! What interrupts code at no place of its own: Ctrl-C, an exit, whatever a signal handler raises.

use pyo3::prelude::*;

use super::chain::after;
use super::outcome::is_exit;
use crate::python::thread;

/// How often what was interrupted is tried again. What is interrupted more often is so for a reason of its own.
pub(crate) const TRIES: usize = 64;

/// Whose an exception is.
#[must_use]
pub(crate) enum Whose {
    /// That of the code which has raised it.
    Codes(PyErr),
    /// It has interrupted that code, or the look at what the code has raised, which is among its contexts then.
    Interrupts(PyErr),
}

/// Whether this is an exit, or was raised by a signal handler that is installed now.
pub(crate) fn whose(py: Python<'_>, error: PyErr) -> Whose {
    if is_exit(py, &error) { Whose::Interrupts(error) } else { ask(py, error, "is_of_a_handler") }
}

/// Whether this was raised by a signal handler that is installed now, Python's own of Ctrl-C among them.
pub(crate) fn whose_signal(py: Python<'_>, error: PyErr) -> Whose {
    ask(py, error, "is_of_a_signal")
}

fn ask(py: Python<'_>, error: PyErr, question: &str) -> Whose {
    if !thread::is_main(py).unwrap_or(false) {
        return Whose::Codes(error);
    }
    let ask = || -> PyResult<bool> {
        let module = py.import("sideloop._base.signals")?;
        // With its traceback, which `value` leaves aside before CPython 3.12.
        let error = error.clone_ref(py).into_value(py);
        module.call_method1(question, (error,))?.is_truthy()
    };
    match ask() {
        Ok(false) => Whose::Codes(error),
        Ok(true) => Whose::Interrupts(error),
        // What interrupts the question is a handler's itself.
        Err(later) => Whose::Interrupts(after(py, later, error)),
    }
}
