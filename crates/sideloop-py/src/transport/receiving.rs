//! `sock_recv`: what has come is handed over at once, and else one callback waits for it.
//!
//! asyncio's asks the socket twice through Python, makes an exception of each time there is nothing, and has a second
//! callback take the first one away.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt};

use super::descriptor::descriptor_of;
use super::known::never_made;
use super::register::may_be_registered;
use super::sockets::{kind_of, plain_sockets};
use super::wire::{receive_bytes, socket_of};
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::names::names;
use crate::system::socket::{Result, is_not_now};

/// `received`, as the loop calls it.
static RECEIVED: OnceLock<Py<PyAny>> = OnceLock::new();

/// Make the function that the loop is to call, and return it.
///
/// # Errors
/// `MemoryError`.
pub(super) fn prepare(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let function = wrap_pyfunction!(received, py)?.into_any().unbind();
    let _ = RECEIVED.set(function.clone_ref(py));
    Ok(function)
}

/// What there is, or a future of it and the handle of who waits.
#[derive(IntoPyObject)]
pub(crate) enum Receiving<'py> {
    #[pyo3(transparent)]
    Now(Bound<'py, PyBytes>),
    Later(Bound<'py, PyAny>, Bound<'py, PyAny>),
}

/// Receive at most so many bytes of a plain socket that does not block. None where asyncio's own method is to do it.
///
/// # Errors
/// What the kernel says of the socket, and `RuntimeError` where a transport has it.
#[pyfunction]
#[pyo3(signature = (event_loop, sock, most, /))]
pub(crate) fn start_receiving<'py>(
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    most: &Bound<'py, PyAny>,
) -> PyResult<Option<Receiving<'py>>> {
    let py = event_loop.py();
    let names = names(py);
    let Ok(most) = most.cast_exact::<PyInt>().map(|most| most.extract::<usize>()) else {
        return Ok(None);
    };
    let Ok(most @ 1..) = most else { return Ok(None) };
    let is_plain = LoopCore::receives_plainly(event_loop)
        && plain_sockets(py)?.is_some()
        && kind_of(sock)?.is_some();
    if !is_plain || !never_waits(sock)? {
        return Ok(None);
    }
    match receive(event_loop, sock, most)? {
        Ok(data) => return Ok(Some(Receiving::Now(data))),
        Err(error) if is_not_now(error) => {}
        Err(error) => return Err(os_error(&error.into())),
    }
    let fd = descriptor_of(sock)?;
    if may_be_registered(event_loop, fd)? {
        event_loop.call_method1(names.ensure_fd_no_transport.bind(py), (fd,))?;
    }
    let future = event_loop.call_method0(names.create_future.bind(py))?;
    let received = RECEIVED.get().ok_or_else(never_made)?;
    let all = (fd, received, &future, event_loop, sock, most);
    let handle = event_loop.call_method1(names.add_reader.bind(py), all)?;
    Ok(Some(Receiving::Later(future, handle)))
}

/// Whether nothing that is asked of the socket waits, in Python's own way either.
fn never_waits(sock: &Bound<'_, PyAny>) -> PyResult<bool> {
    let limit = sock.call_method0(names(sock.py()).gettimeout.bind(sock.py()))?;
    Ok(limit.cast_exact::<PyFloat>().is_ok_and(|limit| limit.value() == 0.0))
}

/// Receive what has come, now.
fn receive<'py>(
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    most: usize,
) -> PyResult<Result<Bound<'py, PyBytes>>> {
    match socket_of(Some(sock.clone()))? {
        Ok(socket) => receive_bytes(event_loop, socket, most),
        Err(error) => Ok(Err(error)),
    }
}

/// The socket has something, or has ended.
#[pyfunction]
fn received<'py>(
    future: &Bound<'py, PyAny>,
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    most: usize,
) -> PyResult<()> {
    let py = event_loop.py();
    let names = names(py);
    // Cancelled: whoever awaits it takes this away.
    if future.call_method0(names.done.bind(py))?.is_truthy()? {
        return Ok(());
    }
    match receive(event_loop, sock, most) {
        Ok(Ok(data)) => future.call_method1(names.set_result.bind(py), (data,)).map(drop),
        Ok(Err(error)) if is_not_now(error) => Ok(()),
        Ok(Err(error)) => {
            let error = os_error(&error.into()).into_value(py);
            future.call_method1(names.set_exception.bind(py), (error,)).map(drop)
        }
        Err(error) => {
            let error = error.into_value(py);
            future.call_method1(names.set_exception.bind(py), (error,)).map(drop)
        }
    }
}
