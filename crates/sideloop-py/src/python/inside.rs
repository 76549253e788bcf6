//! What code runs inside of: a call, or what makes several calls one. A context variable, which tasks and callbacks
//! copy when they are made.
//!
//! It holds a weak reference, so that what a call has left behind keeps nothing of it; or else the reason why nobody
//! is to be asked. To set it takes a twentieth of a call that need not wait: calls that begin before anybody could ask
//! do without, and are known by their tasks alone.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyWeakrefMethods, PyWeakrefReference};

use super::{context, sniffed};

/// Why nobody is to be asked in what a caller runs.
pub(crate) const IN_ERRAND: &str =
    "it is asked for in what the caller runs for a call, or in what that has left behind";

static VARIABLE: OnceLock<Py<PyAny>> = OnceLock::new();

/// Somebody may ask, from here on.
// ORDERING: Relaxed: written and read attached.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// Make the context variable, at import.
///
/// # Errors
/// What importing `contextvars` raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let variable = py.import("contextvars")?.getattr("ContextVar")?.call1(("sideloop.inside",))?;
    let _ = VARIABLE.set(variable.unbind());
    Ok(())
}

/// Whether this is the variable.
pub(crate) fn is_variable(variable: &Bound<'_, PyAny>) -> bool {
    VARIABLE.get().is_some_and(|own| variable.is(own))
}

/// What the current context says.
pub(crate) enum Inside<'py> {
    Nothing,
    /// Of something that is gone.
    Gone,
    Of(Bound<'py, PyAny>),
    /// Nobody is to be asked, for this reason.
    Barred(String),
}

/// What code runs inside of here.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn here(py: Python<'_>) -> PyResult<Inside<'_>> {
    let Some(variable) = VARIABLE.get() else { return Ok(Inside::Nothing) };
    let Some(found) = context::get(variable.bind(py))? else { return Ok(Inside::Nothing) };
    match found.cast_into::<PyWeakrefReference>() {
        Ok(reference) => Ok(reference.upgrade().map_or(Inside::Gone, Inside::Of)),
        Err(other) => other.into_inner().extract().map(Inside::Barred),
    }
}

/// Whether calls that begin now are to mark their contexts.
pub(crate) fn is_in_use() -> bool {
    IN_USE.load(Ordering::Relaxed)
}

/// Code of the current context, and of its copies, runs inside of this from here on.
///
/// # Errors
/// `MemoryError`, and `TypeError` if there are no weak references to it.
pub(crate) fn enter(whole: &Bound<'_, PyAny>) -> PyResult<()> {
    set(PyWeakrefReference::new(whole)?.as_any())
}

/// The same for code of another context, which nobody is in.
///
/// # Errors
/// As `enter`, and `RuntimeError` while somebody is in there.
pub(crate) fn enter_in(context: &Bound<'_, PyAny>, whole: &Bound<'_, PyAny>) -> PyResult<()> {
    context::enter(context, || enter(whole))
}

/// Code of this context, which nobody is in, is to ask nobody.
///
/// # Errors
/// As `enter_in`.
pub(crate) fn bar_in(context: &Bound<'_, PyAny>, why: &str) -> PyResult<()> {
    context::enter(context, || set(PyString::new(context.py(), why).as_any()))
}

fn set(value: &Bound<'_, PyAny>) -> PyResult<()> {
    VARIABLE.get().map_or(Ok(()), |variable| context::set(variable.bind(value.py()), Some(value)))
}

/// Calls that begin from here on mark their contexts.
#[pyfunction]
pub(crate) fn use_errands() {
    IN_USE.store(true, Ordering::Relaxed);
}

/// A copy of the current context, for code that runs inside of this.
#[pyfunction]
pub(crate) fn copy_context_inside_of(whole: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = whole.py();
    let copy = sniffed::copy_context(py)?;
    if is_in_use() {
        enter_in(copy.bind(py), whole)?;
    }
    Ok(copy)
}

/// The context variable, for the Python side.
#[pyfunction]
pub(crate) fn inside_variable(py: Python<'_>) -> Option<&Bound<'_, PyAny>> {
    VARIABLE.get().map(|variable| variable.bind(py))
}
