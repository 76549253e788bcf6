//! Connections that go out: a socket is made, and connected to an address that is a number.
//!
//! What asyncio does for that is seven coroutines and callbacks deep, and turns the same numbers into members of
//! enumerations in each. Here it is one future, and one callback when the kernel knows.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple};

use super::known::never_made;
use super::register::may_be_registered;
use super::sockets::plain_sockets;
use super::standard::uses_our_base;
use super::wire::socket_of;
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::names::names;
use crate::system::socket::{Errno, Kind, is_begun};

/// `connected`, as the loop calls it.
static CONNECTED: OnceLock<Py<PyAny>> = OnceLock::new();

/// Make the function that the loop is to call, and return it.
///
/// # Errors
/// `MemoryError`.
pub(super) fn prepare(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let function = wrap_pyfunction!(connected, py)?.into_any().unbind();
    let _ = CONNECTED.set(function.clone_ref(py));
    Ok(function)
}

/// A socket that is being connected, and a future of when it is: None if it is already.
type Connecting<'py> = (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// Begin to connect a new TCP socket. None where asyncio's own methods are to do it: the host is no number, or somebody
/// has replaced one of them.
///
/// # Errors
/// What asyncio raises there. The socket is closed then.
#[pyfunction]
#[pyo3(signature = (event_loop, host, port, /))]
pub(crate) fn start_connecting<'py>(
    event_loop: &Bound<'py, LoopCore>,
    host: &Bound<'py, PyAny>,
    port: &Bound<'py, PyAny>,
) -> PyResult<Option<Connecting<'py>>> {
    let py = event_loop.py();
    let Some((kind, address)) = numeric(host, port)? else { return Ok(None) };
    if !LoopCore::connects_plainly(event_loop) || !uses_our_base(py)? {
        return Ok(None);
    }
    let Some(sockets) = plain_sockets(py)? else { return Ok(None) };
    let sock = sockets.open(py, kind)?;
    match connect(event_loop, &sock, &address) {
        Ok(waits) => Ok(Some((sock, waits))),
        Err(error) => {
            sock.call_method0("close")?;
            Err(error)
        }
    }
}

/// The address that a host and a port stand for, if both are plain numbers, and of what kind its socket is.
fn numeric<'py>(
    host: &Bound<'py, PyAny>,
    port: &Bound<'py, PyAny>,
) -> PyResult<Option<(Kind, Bound<'py, PyTuple>)>> {
    let py = host.py();
    let (Ok(host), Ok(port)) = (host.cast_exact::<PyString>(), port.cast_exact::<PyInt>()) else {
        return Ok(None);
    };
    let (Ok(text), Ok(_)) = (host.to_str(), port.extract::<u16>()) else { return Ok(None) };
    if text.parse::<Ipv4Addr>().is_ok() {
        let address = (host, port).into_pyobject(py)?;
        return Ok(Kind::tcp_v4().map(|kind| (kind, address)));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        let address = (host, port, 0, 0).into_pyobject(py)?;
        return Ok(Kind::tcp_v6().map(|kind| (kind, address)));
    }
    Ok(None)
}

fn connect<'py>(
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    address: &Bound<'py, PyTuple>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = event_loop.py();
    let names = names(py);
    let code: i32 = sock.call_method1(names.connect_ex.bind(py), (address,))?.extract()?;
    if code == 0 {
        return Ok(None);
    }
    let error = Errno::from_raw_os_error(code);
    if !is_begun(error) {
        return Err(os_error(&error.into()));
    }
    let socket = socket_of(Some(sock.clone()))?.map_err(|error| os_error(&error.into()))?;
    let fd = socket.number();
    if may_be_registered(event_loop, fd)? {
        event_loop.call_method1(names.ensure_fd_no_transport.bind(py), (fd,))?;
    }
    let future = event_loop.call_method0(names.create_future.bind(py))?;
    let connected = CONNECTED.get().ok_or_else(never_made)?;
    let all = (fd, connected, &future, event_loop, sock, address);
    event_loop.call_method1(names.add_writer.bind(py), all)?;
    Ok(Some(future))
}

/// The kernel knows what has become of the connection.
#[pyfunction]
fn connected<'py>(
    future: &Bound<'py, PyAny>,
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    address: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = event_loop.py();
    let names = names(py);
    // Cancelled: whoever awaits it closes the socket.
    if future.call_method0(names.done.bind(py))?.is_truthy()? {
        return Ok(());
    }
    let socket = socket_of(Some(sock.clone()))?;
    let found = socket.and_then(|socket| Ok((socket.number(), socket.connection_error()?)));
    let error = match found {
        Ok((fd, found)) => {
            event_loop.call_method1(names.remove_writer.bind(py), (fd,))?;
            let text = || -> PyResult<String> {
                Ok(format!("Connect call failed {}", address.str()?.to_str()?))
            };
            match found {
                Ok(()) => None,
                Err(error) => Some(PyOSError::new_err((error.raw_os_error(), text()?))),
            }
        }
        Err(error) => Some(os_error(&error.into())),
    };
    // A signal handler has raised before it was awaited: nobody knows of the socket any more.
    if future.getattr(names.callbacks.bind(py))?.is_none() {
        future.call_method0(names.cancel.bind(py))?;
        return sock.call_method0(names.close.bind(py)).map(drop);
    }
    match error {
        None => future.call_method1(names.set_result.bind(py), (py.None(),)).map(drop),
        Some(error) => {
            let error = error.into_value(py);
            future.call_method1(names.set_exception.bind(py), (error,)).map(drop)
        }
    }
}
