//! Tables of weak references, by the identity of what they are kept for.
//!
//! A look and the change that follows from it are one step, since no Python code runs in between: no lock is needed,
//! which a signal handler or a finalizer could find held.

use pyo3::prelude::*;
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
    let found = found(table, key)?;
    if let Some(found) = found.filter(|found| found.upgrade().is_some()) {
        return Ok(found);
    }
    table.set_item(key, &reference)?;
    Ok(reference)
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
    if found(table, &key)?.is_some_and(|found| found.is(reference)) {
        table.del_item(key)?;
    }
    Ok(())
}

fn found<'py>(
    table: &Bound<'py, PyDict>,
    key: &Bound<'py, PyInt>,
) -> PyResult<Option<Bound<'py, PyWeakrefReference>>> {
    Ok(table.get_item(key)?.and_then(|found| found.cast_into().ok()))
}
