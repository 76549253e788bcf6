//! What makes and reads records: an `ssl.SSLObject` between two `ssl.MemoryBIO`s.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::standard::is_again;
pub(super) use super::standard::pending;
use crate::python::names::names;

/// What a read has come to.
#[must_use]
pub(super) enum Read<'py> {
    Some(Bound<'py, PyBytes>),
    /// Nothing now.
    Nothing,
    /// The peer has said that it writes no more.
    End,
}

/// Read at most so many bytes, of one record at most.
///
/// # Errors
/// What OpenSSL says of the record.
pub(super) fn read<'py>(engine: &Bound<'py, PyAny>, most: usize) -> PyResult<Read<'py>> {
    let py = engine.py();
    match engine.call_method1(names(py).read.bind(py), (most,)) {
        Ok(data) => {
            let data = data.cast_into::<PyBytes>()?;
            Ok(if data.as_bytes().is_empty() { Read::End } else { Read::Some(data) })
        }
        Err(error) if is_again(py, &error) => Ok(Read::Nothing),
        Err(error) => Err(error),
    }
}

/// What a read into a buffer has come to.
#[must_use]
pub(super) enum Filled {
    /// So many bytes, of one record.
    Some(usize),
    /// Nothing now.
    Nothing,
    /// The peer has said that it writes no more.
    End,
}

/// The same into a buffer, which has room for so many.
///
/// # Errors
/// The same, and what the buffer says.
pub(super) fn read_into(
    engine: &Bound<'_, PyAny>,
    most: usize,
    room: &Bound<'_, PyAny>,
) -> PyResult<Filled> {
    let py = engine.py();
    match engine.call_method1(names(py).read.bind(py), (most, room)) {
        Ok(count) => {
            let count: usize = count.extract()?;
            Ok(if count == 0 { Filled::End } else { Filled::Some(count) })
        }
        Err(error) if is_again(py, &error) => Ok(Filled::Nothing),
        Err(error) => Err(error),
    }
}

/// Whether it has read bytes that nobody has taken.
///
/// # Errors
/// None that is known of.
pub(super) fn has_some(engine: &Bound<'_, PyAny>) -> PyResult<bool> {
    engine.call_method0(names(engine.py()).pending.bind(engine.py()))?.is_truthy()
}

/// Make records of these bytes. Returns of how many; None: of none, now.
///
/// # Errors
/// What OpenSSL says.
pub(super) fn write(engine: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let py = engine.py();
    match engine.call_method1(names(py).write.bind(py), (data,)) {
        Ok(count) => count.extract().map(Some),
        Err(error) if is_again(py, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Go on with the handshake, or with the end, by a method of the object itself: it is asked a few times for a
/// connection. Returns whether that is done; if not, something has to come first.
///
/// # Errors
/// What OpenSSL says.
fn go_on(object: &Bound<'_, PyAny>, method: &Py<PyString>) -> PyResult<bool> {
    let py = object.py();
    match object.call_method0(method.bind(py)) {
        Ok(_) => Ok(true),
        Err(error) if is_again(py, &error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Go on with the handshake: see `go_on`.
///
/// # Errors
/// What OpenSSL says.
pub(super) fn shake_hands(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    go_on(object, &names(object.py()).do_handshake)
}

/// Go on with the end of the connection: see `go_on`.
///
/// # Errors
/// What OpenSSL says.
pub(super) fn shut_down(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    go_on(object, &names(object.py()).unwrap)
}

/// Who the peer is: its certificate, as Python's `ssl` has it.
///
/// # Errors
/// What asking for it raises.
pub(super) fn certificate<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    object.call_method0(names(object.py()).getpeercert.bind(object.py()))
}

/// What has been agreed on: the cipher, the compression.
///
/// # Errors
/// What asking for them raises.
pub(super) fn agreed<'py>(object: &Bound<'py, PyAny>) -> PyResult<[Bound<'py, PyAny>; 2]> {
    let py = object.py();
    let ask = |name: &Py<PyString>| object.call_method0(name.bind(py));
    Ok([ask(&names(py).cipher)?, ask(&names(py).compression)?])
}
