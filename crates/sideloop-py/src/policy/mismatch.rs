//! The errors that say that a thing of one loop was awaited on another, and not on which.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::python::names::names;

/// As asyncio says it, and aiohttp.
const SAID: [&str; 3] = [
    "bound to a different event loop",
    "attached to a different loop",
    "Timeout context manager should be used inside a task",
];

/// Have such an error say which loops they are, and what to write.
///
/// Looks at its arguments: `str` of an exception may be the user's code.
pub(crate) fn explain(error: &PyErr, event_loop: &Bound<'_, PyAny>) {
    let py = event_loop.py();
    let value = error.value(py);
    if !says_so(value) {
        return;
    }
    // Up to CPython 3.11 an exception that was caught in Rust does not have its traceback on it.
    let args = (value, error.traceback(py), event_loop);
    let explained = py
        .import("sideloop._loops.mismatch")
        .and_then(|module| module.call_method1(names(py).explain.bind(py), args));
    if let Err(failed) = explained {
        failed.write_unraisable(py, Some(value));
    }
}

fn says_so(error: &Bound<'_, PyAny>) -> bool {
    let py = error.py();
    let Ok(args) = error.getattr(names(py).error_args.bind(py)) else { return false };
    let Ok(args) = args.cast_into::<PyTuple>() else { return false };
    let Ok(first) = args.get_item(0) else { return false };
    let Ok(text) = first.cast::<PyString>() else { return false };
    text.to_str().is_ok_and(|text| SAID.iter().any(|said| text.contains(said)))
}
