//! What code runs inside of: a call, or what makes several calls one. A context variable, which tasks and callbacks
//! copy when they are made.
//!
//! It holds a weak reference, so that what a call has left behind keeps nothing of it. Setting it takes a twentieth
//! of a call that need not wait: so that is put off until there may be somebody who copies the context
//! (`event_loop/marks.rs`).

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::context;

static VARIABLE: OnceLock<Py<PyAny>> = OnceLock::new();

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
}

/// What code runs inside of here.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn here(py: Python<'_>) -> PyResult<Inside<'_>> {
    let Some(variable) = VARIABLE.get() else { return Ok(Inside::Nothing) };
    let Some(found) = context::get(variable.bind(py))? else { return Ok(Inside::Nothing) };
    let Ok(reference) = found.cast::<PyWeakrefReference>() else { return Ok(Inside::Nothing) };
    Ok(reference.upgrade().map_or(Inside::Gone, Inside::Of))
}

/// Code of the current context, and of its copies, runs inside of this from here on.
///
/// # Errors
/// `MemoryError`, and `TypeError` if there are no weak references to it.
pub(crate) fn enter(whole: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(variable) = VARIABLE.get() else { return Ok(()) };
    let reference = PyWeakrefReference::new(whole)?;
    context::set(variable.bind(whole.py()), Some(reference.as_any()))
}

/// The same for code of another context, which nobody is in.
///
/// # Errors
/// As `enter`, and `RuntimeError` while somebody is in there.
pub(crate) fn enter_in(context: &Bound<'_, PyAny>, whole: &Bound<'_, PyAny>) -> PyResult<()> {
    context::enter(context, || enter(whole))
}

/// Code of this context, which is a copy of the current one, runs inside of nothing.
///
/// # Errors
/// As `enter_in`.
pub(crate) fn leave_in(context: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = context.py();
    match (VARIABLE.get(), here(py)?) {
        (None, _) | (_, Inside::Nothing) => Ok(()),
        (Some(variable), Inside::Gone | Inside::Of(_)) => {
            context::enter(context, || context::set(variable.bind(py), None))
        }
    }
}

/// What the calling code runs inside of from here on, for the Python side.
#[pyfunction]
pub(crate) fn run_inside_of(whole: &Bound<'_, PyAny>) -> PyResult<()> {
    enter(whole)
}

/// The context variable, for the Python side: of weak references.
#[pyfunction]
pub(crate) fn inside_variable(py: Python<'_>) -> Option<&Bound<'_, PyAny>> {
    VARIABLE.get().map(|variable| variable.bind(py))
}
