//! What interrupts code at no place of its own: Ctrl-C, an exit, whatever a signal handler raises.

use pyo3::prelude::*;

use super::outcome::is_exit;
use crate::python::thread;

/// Whether this is an exit, or was raised by a signal handler that is installed now.
pub(crate) fn is_interrupt(py: Python<'_>, error: &PyErr) -> bool {
    is_exit(py, error)
        || (thread::is_main(py).unwrap_or(false) && ask(py, error, "is_of_a_handler"))
}

/// Whether this was raised by a signal handler that is installed now, Python's own of Ctrl-C among them.
pub(crate) fn is_of_a_signal(py: Python<'_>, error: &PyErr) -> bool {
    thread::is_main(py).unwrap_or(false) && ask(py, error, "is_of_a_signal")
}

fn ask(py: Python<'_>, error: &PyErr, question: &str) -> bool {
    let ask = || -> PyResult<bool> {
        let module = py.import("sideloop._base.signals")?;
        // With its traceback, which `value` leaves aside before CPython 3.12.
        let error = error.clone_ref(py).into_value(py);
        module.call_method1(question, (error,))?.is_truthy()
    };
    // What interrupts the question is a handler's itself.
    ask().unwrap_or(true)
}
