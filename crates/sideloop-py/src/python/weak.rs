//! Tables of weak references, by the identity of what they are kept for.
//!
//! A look and the change that follows from it are one step, since no Python code runs in between: no lock is needed,
//! which a signal handler or a finalizer could find held. Without the interpreter lock a critical section is one step: of
//! an object that is there for this alone, since the table's own begin and end inside of it.

#[cfg(Py_GIL_DISABLED)]
use std::sync::OnceLock;

use pyo3::prelude::*;
#[cfg(Py_GIL_DISABLED)]
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyInt, PyWeakrefReference};

/// Keep a reference under a key, unless there is one whose object is still there. Gives the one that is kept.
///
/// # Errors
/// `MemoryError`.
#[pyfunction]
pub(crate) fn keep_weak<'py>(
    table: &Bound<'py, PyDict>,
    key: &Bound<'py, PyInt>,
    reference: Bound<'py, PyWeakrefReference>,
) -> PyResult<Bound<'py, PyWeakrefReference>> {
    let mut upgraded = None;
    let kept = in_one_step(table.py(), || {
        if let Some(found) = found(table, key)? {
            // Dropped when this is done.
            upgraded = found.upgrade();
            if upgraded.is_some() {
                return Ok(found);
            }
        }
        table.set_item(key, &reference)?;
        Ok(reference)
    });
    drop(upgraded);
    kept
}

/// Forget a reference whose object has gone, unless another one is kept under its `key` already.
///
/// As the reference's callback it runs no Python code, in which what a signal handler raises would be lost.
///
/// # Errors
/// `MemoryError`.
#[pyfunction]
pub(crate) fn forget_weak(
    table: &Bound<'_, PyDict>,
    reference: &Bound<'_, PyWeakrefReference>,
) -> PyResult<()> {
    // Without a key it was never kept: a signal handler has raised where it was made.
    let Some(key) = reference.getattr_opt("key")? else { return Ok(()) };
    let key = key.cast_into()?;
    in_one_step(table.py(), || {
        if found(table, &key)?.is_some_and(|found| found.is(reference)) {
            table.del_item(key)?;
        }
        Ok(())
    })
}

fn found<'py>(
    table: &Bound<'py, PyDict>,
    key: &Bound<'py, PyInt>,
) -> PyResult<Option<Bound<'py, PyWeakrefReference>>> {
    Ok(table.get_item(key)?.and_then(|found| found.cast_into().ok()))
}

/// Run this in one step.
#[cfg(Py_GIL_DISABLED)]
fn in_one_step<R>(py: Python<'_>, inside: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    static STEP: OnceLock<Py<PyAny>> = OnceLock::new();
    let step = match STEP.get() {
        Some(step) => step,
        None => {
            let made = py.get_type::<PyAny>().call0()?.unbind();
            STEP.get_or_init(|| made)
        }
    };
    with_critical_section(step.bind(py), inside)
}

/// Run this, which is one step.
#[cfg(not(Py_GIL_DISABLED))]
fn in_one_step<R>(_: Python<'_>, inside: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    inside()
}
