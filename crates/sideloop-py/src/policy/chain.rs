//! What one exception says of another. Exceptions of the user's keep what they say already.

use pyo3::prelude::*;

use crate::python::names::names;

/// More exceptions than this are linked to each other only in a circle.
const LONGEST: usize = 64;

/// `error`, which was raised because of `cause`, and says so unless it has a cause of its own.
pub(crate) fn because_of(py: Python<'_>, error: PyErr, cause: PyErr) -> PyErr {
    let has_its_own = || -> PyResult<bool> {
        let value = error.value(py);
        let hides = value.getattr(names(py).suppress_context.bind(py))?;
        Ok(!value.getattr(names(py).cause.bind(py))?.is_none() || hides.is_truthy()?)
    };
    // An answer that cannot be had is one of the user's own.
    if has_its_own().unwrap_or(true) || leads_to(py, &cause, &error) {
        return after(py, error, cause);
    }
    error.set_cause(py, Some(cause));
    error
}

/// `error`, which was raised after `before`, and has that as the last of its contexts.
pub(crate) fn after(py: Python<'_>, error: PyErr, before: PyErr) -> PyErr {
    if leads_to(py, &before, &error) || leads_to(py, &error, &before) {
        return error;
    }
    let mut last = error.clone_ref(py);
    for _ in 0..LONGEST {
        let Some(next) = last.context(py) else {
            last.set_context(py, Some(before));
            break;
        };
        last = next;
    }
    error
}

/// Whether `other` is among the contexts of `error`, or is `error` itself.
fn leads_to(py: Python<'_>, error: &PyErr, other: &PyErr) -> bool {
    let mut now = Some(error.clone_ref(py));
    for _ in 0..LONGEST {
        match now {
            Some(error) if error.value(py).is(other.value(py)) => return true,
            Some(error) => now = error.context(py),
            None => return false,
        }
    }
    // A circle is there already.
    true
}
