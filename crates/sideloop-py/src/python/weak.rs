//! Tables of weak references, by the identity of what they are kept for.
//!
//! A look and the change that follows from it are one step, since no Python code runs in between: no lock is needed,
//! which a signal handler or a finalizer could find held. Without the interpreter lock the table's own is held meanwhile,
//! which CPython takes for each access anyway, and lets go of where a thread has to wait.

use pyo3::prelude::*;
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
    let kept = with_critical_section(table, || {
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
    with_critical_section(table, || {
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
