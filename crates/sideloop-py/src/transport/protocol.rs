//! What a transport tells its protocol, and what becomes of what that raises.

use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::known::TransportCore;
use crate::policy::outcome::is_exit;
use crate::python::handling::report;
use crate::python::names::names;

/// Lose the connection for this error, as asyncio does: what is no `OSError` goes to the loop's exception handler.
///
/// # Errors
/// The error itself if it is to leave the loop; what asyncio's method raises.
pub(super) fn fail(
    transport: &Bound<'_, TransportCore>,
    error: PyErr,
    message: &str,
) -> PyResult<()> {
    let py = transport.py();
    if is_exit(py, &error) {
        return Err(error);
    }
    report(transport, names(py).fatal_error.bind(py), error, message)
}

/// Call a method of the protocol. Returns what that returns; None if the connection is lost for what it raised.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt`.
pub(super) fn tell<'py>(
    transport: &Bound<'py, TransportCore>,
    protocol: &Bound<'py, PyAny>,
    method: &Py<PyString>,
    argument: impl IntoPyObject<'py>,
    message: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = transport.py();
    let argument = argument.into_pyobject(py).map_err(Into::into)?.into_any().into_bound();
    let told = protocol.call_method1(method.bind(py), (argument,));
    unless_failed(transport, told, message)
}

/// The same, of a method without an argument.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt`.
pub(super) fn ask<'py>(
    transport: &Bound<'py, TransportCore>,
    protocol: &Bound<'py, PyAny>,
    method: &Py<PyString>,
    message: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let told = protocol.call_method0(method.bind(transport.py()));
    unless_failed(transport, told, message)
}

fn unless_failed<'py>(
    transport: &Bound<'py, TransportCore>,
    told: PyResult<Bound<'py, PyAny>>,
    message: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match told {
        Ok(found) => Ok(Some(found)),
        Err(error) => fail(transport, error, message).map(|()| None),
    }
}
