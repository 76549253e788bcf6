//! What may be run: an async function, and what it may return.

use std::sync::OnceLock;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyType};

use crate::policy::errors::{Error, name_of};
use crate::policy::handed::Handed;
use crate::python::coroutine::{close_coroutine, is_coroutine};
use crate::python::names::names;

/// Refuse, before anything is sent, what is no async function.
///
/// # Errors
/// `TypeError` that says what to write instead.
#[pyfunction]
pub(crate) fn check_async_fn(async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: attached; the check reads the object's type.
    if unsafe { ffi::PyFunction_Check(async_fn.as_ptr()) } != 0 {
        return Ok(());
    }
    if async_fn.is_instance_of::<Handed>() {
        return Ok(());
    }
    if async_fn.is_callable() {
        return refuse_twin(async_fn);
    }
    if is_coroutine(async_fn) {
        let name: String =
            async_fn.getattr("__name__").and_then(|name| name.extract()).unwrap_or_default();
        close_coroutine(async_fn);
        return Err(PyTypeError::new_err(format!(
            "expected an async function, got a coroutine object: write run_sync({name}, ...), with \
             the arguments after the function, instead of run_sync({name}(...))"
        )));
    }
    let class = async_fn.get_type().qualname()?;
    Err(PyTypeError::new_err(format!(
        "expected an async function, got {class}: pass the function and then its arguments, as in \
         run_sync(async_fn, a, b=1)"
    )))
}

/// Refuse a sync twin, also under the arguments of a partial: it would run, and return no awaitable.
fn refuse_twin(async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = async_fn.py();
    let mut called = async_fn.clone();
    while is_partial(&called) {
        called = called.getattr("func")?;
    }
    // A proxy's attributes may be anything, or raise.
    let is_twin = called.getattr_opt(names(py).is_twin.bind(py)).unwrap_or(None);
    if !is_twin.is_some_and(|is_twin| is_twin.is_exact_instance_of::<PyBool>()) {
        return Ok(());
    }
    let name = name_of(&called);
    let name = name.trim_end_matches("()");
    Err(PyTypeError::new_err(format!(
        "expected an async function, got the sync twin {name}: call it itself, or pass the async one, {name}.aio"
    )))
}

/// `functools.partial`
static PARTIAL: OnceLock<Py<PyType>> = OnceLock::new();

/// Look up what `check_async_fn` needs, at import.
///
/// # Errors
/// What importing `functools` raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let partial = py.import("functools")?.getattr("partial")?.cast_into::<PyType>()?;
    let _ = PARTIAL.set(partial.unbind());
    Ok(())
}

fn is_partial(callable: &Bound<'_, PyAny>) -> bool {
    PARTIAL.get().is_some_and(|partial| callable.get_type().is(partial))
}

/// Refuse what cannot be awaited, saying what it is.
///
/// # Errors
/// `TypeError`.
pub(crate) fn check_awaitable(
    found: &Bound<'_, PyAny>,
    async_fn: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = found.py();
    if py.import("inspect")?.call_method1("isawaitable", (found,))?.is_truthy()? {
        return Ok(());
    }
    Err(not_awaitable(found, async_fn))
}

/// The error for what `async_fn` returned and nobody can await.
pub(crate) fn not_awaitable(found: &Bound<'_, PyAny>, async_fn: &Bound<'_, PyAny>) -> PyErr {
    Error::NotAsync.raise(found.py(), (name_of(async_fn), found))
}
