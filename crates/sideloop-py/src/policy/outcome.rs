//! The outcome: a value or an exception, captured on the loop thread, unwrapped by the caller.

use std::sync::OnceLock;

use pyo3::exceptions::{
    PyKeyboardInterrupt, PyRuntimeError, PyStopAsyncIteration, PyStopIteration, PySystemExit,
};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::python::names::names;
use crate::python::version;

/// What came of a call.
pub(crate) enum Outcome {
    /// The awaited value.
    Value(Py<PyAny>),
    /// The exception, of whatever class: the same object that the user's code raised.
    Error(PyErr),
    /// The loop went away before the user's function was called: it may be called elsewhere.
    NotStarted,
}

impl Outcome {
    /// The outcome of a finished task or future.
    pub(crate) fn capture(task: &Bound<'_, PyAny>) -> Self {
        match task.call_method0(names(task.py()).result.bind(task.py())) {
            Ok(value) => Self::Value(value.unbind()),
            Err(error) => Self::error(task.py(), error),
        }
    }

    /// The outcome for an exception.
    pub(crate) fn error(py: Python<'_>, error: PyErr) -> Self {
        // The caller may be a generator, which a StopIteration passing through would end silently
        // (PEP 479 forbids that for coroutines; a plain function that returns an awaitable may).
        if error.is_instance_of::<PyStopIteration>(py) {
            return Self::Error(instead_of_an_end(py, error, "the async function"));
        }
        Self::Error(original(py, error))
    }

    /// The outcome for an exception of a sync function that async code has had run: no future takes a StopIteration.
    pub(crate) fn errand_error(py: Python<'_>, error: PyErr) -> Self {
        if error.is_instance_of::<PyStopIteration>(py) {
            return Self::Error(instead_of_an_end(py, error, "the sync function"));
        }
        Self::Error(error)
    }
}

fn instead_of_an_end(py: Python<'_>, error: PyErr, whose: &str) -> PyErr {
    let raised = PyRuntimeError::new_err(format!("{whose} raised StopIteration"));
    raised.set_cause(py, Some(error));
    raised
}

/// The cancellation that the user's code raised, where asyncio hands out another in its place.
///
/// Up to CPython 3.10 a task that was cancelled by raising `CancelledError` makes a new one for each
/// `result()`, with the one raised as its context.
fn original(py: Python<'_>, error: PyErr) -> PyErr {
    if version::is_at_least(py, 11) {
        return error;
    }
    let context = error.value(py).getattr(names(py).context.bind(py));
    match context {
        Ok(context) if context.get_type().is(error.get_type(py)) && is_cancelled(&context) => {
            PyErr::from_value(context)
        }
        Ok(_) | Err(_) => error,
    }
}

/// What a signal handler has raised, for the caller: nothing that would silently end who iterates.
pub(crate) fn never_an_end(py: Python<'_>, error: PyErr) -> PyErr {
    let end = if error.is_instance_of::<PyStopIteration>(py) {
        "StopIteration"
    } else if error.is_instance_of::<PyStopAsyncIteration>(py) {
        "StopAsyncIteration"
    } else {
        return error;
    };
    let raised = PyRuntimeError::new_err(format!("a signal handler raised {end}"));
    raised.set_cause(py, Some(error));
    raised
}

/// Whether this leaves a loop whose callback raises it: `SystemExit` or `KeyboardInterrupt`.
pub(crate) fn is_exit(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py)
}

/// asyncio's `CancelledError`, looked up once: finalizers ask when the modules are gone.
static CANCELLED: OnceLock<Py<PyType>> = OnceLock::new();

/// Look it up.
///
/// # Errors
/// What the import raises.
pub(crate) fn cancelled_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    if let Some(known) = CANCELLED.get() {
        return Ok(known.bind(py));
    }
    let found = py.import("asyncio")?.getattr("CancelledError")?.cast_into::<PyType>()?.unbind();
    // Not what fills itself and detaches meanwhile: see `names.rs`.
    Ok(CANCELLED.get_or_init(|| found).bind(py))
}

/// Whether this is asyncio's `CancelledError`.
pub(crate) fn is_cancelled(exception: &Bound<'_, PyAny>) -> bool {
    let class = cancelled_class(exception.py());
    class.and_then(|class| exception.is_instance(class)).unwrap_or(false)
}
