//! How a transport begins: what asyncio's constructors do, in one step.
//!
//! They are four, one above the other, and ask the socket for members of enumerations. A connection that is opened and
//! closed spends a third of its time there (`benches/io_bytes.py`, TCP connect and close).

use std::net::SocketAddr;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PySuper, PyTuple};

use super::address::tuple_of;
use super::keeps::Keeps;
use super::known::{TransportCore, add_file, allocate, give_stream, has_context, stream_of};
use super::register::register;
use super::sockets::kind_of;
use super::standard::standard;
use super::stream::{Limit, Stream};
use super::view::view_of;
use super::wire::socket_of;
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::context::copy_current;
use crate::python::dictionary;
use crate::python::names::names;
use crate::python::version;
use crate::system::socket::{Kind, Result, Socket};

/// The limits of the write buffer that asyncio begins with, in bytes.
const HIGH: usize = 64 * 1024;
const LOW: usize = HIGH / 4;

/// What a transport is made of, as asyncio's constructor takes it.
pub(crate) struct Parts<'a, 'py> {
    pub(crate) event_loop: &'a Bound<'py, LoopCore>,
    pub(crate) sock: &'a Bound<'py, PyAny>,
    pub(crate) protocol: &'a Bound<'py, PyAny>,
    pub(crate) waiter: Option<&'a Bound<'py, PyAny>>,
    pub(crate) extra: Option<&'a Bound<'py, PyAny>>,
    pub(crate) server: Option<&'a Bound<'py, PyAny>>,
    /// What its protocol runs in, since CPython 3.15.
    pub(crate) context: Option<&'a Bound<'py, PyAny>>,
}

/// Whether asyncio's constructors and its closing are those that are known here.
pub(super) fn is_known_version(py: Python<'_>) -> bool {
    !version::is_at_least(py, 16)
}

/// What a transport calls its protocol in. None: what is current when it asks for that.
///
/// # Errors
/// None that is known of.
pub(super) fn context_of<'py>(
    transport: &Bound<'py, TransportCore>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = transport.py();
    if !has_context(py) {
        return Ok(None);
    }
    let context = transport.getattr(names(py).handle_context.bind(py))?;
    Ok((!context.is_none()).then_some(context))
}

/// A new transport.
///
/// # Errors
/// What a server raises that has closed meanwhile, and what the loop raises.
pub(crate) fn make<'py>(parts: &Parts<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let py = parts.event_loop.py();
    let made = allocate(py)?;
    begin(made.cast::<TransportCore>()?, parts)?;
    Ok(made)
}

/// A new transport of a socket that has been connected, and `waiter` has a result when its protocol knows it.
#[pyfunction]
#[pyo3(signature = (event_loop, sock, protocol, waiter, /))]
pub(crate) fn begin_transport<'py>(
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    protocol: &Bound<'py, PyAny>,
    waiter: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    let context = if has_context(py) { Some(copy_current(py)?.into_bound(py)) } else { None };
    let (waiter, extra, server, context) = (Some(waiter), None, None, context.as_ref());
    make(&Parts { event_loop, sock, protocol, waiter, extra, server, context })
}

#[pymethods]
impl TransportCore {
    /// Begin, as asyncio's constructor does.
    #[pyo3(signature = (event_loop, sock, protocol, waiter, extra, server, context, /))]
    #[expect(clippy::too_many_arguments, reason = "they are those of asyncio's constructor")]
    fn _begin<'py>(
        slf: &Bound<'py, Self>,
        event_loop: &Bound<'py, LoopCore>,
        sock: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        waiter: Option<&Bound<'py, PyAny>>,
        extra: Option<&Bound<'py, PyAny>>,
        server: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        begin(slf, &Parts { event_loop, sock, protocol, waiter, extra, server, context })
    }

    /// Read, unless somebody has paused or closed the transport meanwhile; and wake who waits for it.
    #[pyo3(signature = (waiter = None))]
    fn _begin_reading(slf: &Bound<'_, Self>, waiter: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let read = begin_reading(slf);
        // asyncio's two callbacks do not know of each other.
        waiter.map_or(Ok(()), wake)?;
        read
    }
}

fn begin<'py>(transport: &Bound<'py, TransportCore>, parts: &Parts<'_, 'py>) -> PyResult<()> {
    let py = transport.py();
    let names = names(py);
    let &Parts { event_loop, sock, protocol, waiter, extra, server, context } = parts;
    give_stream(transport.as_any(), Bound::new(py, Stream::new(py)?)?)?;
    let kind = if is_known_version(py) { kind_of(sock)? } else { None };
    let Some(kind) = kind else {
        let next = PySuper::new(&py.get_type::<TransportCore>(), transport)?;
        let all = (event_loop, sock, protocol, waiter, extra, server);
        return match context {
            Some(context) => {
                let (event_loop, sock, protocol, waiter, extra, server) = all;
                let all = (event_loop, sock, protocol, waiter, extra, server, context);
                next.call_method1("__init__", all).map(drop)
            }
            None => next.call_method1("__init__", all).map(drop),
        };
    };
    let fd = socket_of(Some(sock.clone()))?.map_or(-1, Socket::number);
    let extra = match extra {
        Some(extra) => extra.clone(),
        None => dictionary::empty(py)?.into_any(),
    };
    transport.setattr(names.extra.bind(py), &extra)?;
    if has_context(py) {
        transport.setattr(names.handle_context.bind(py), context)?;
    }
    describe(&extra, sock, kind, fd)?;
    let limit = |bytes: usize| -> PyResult<Limit> {
        Ok(Limit { given: Some(bytes.into_pyobject(py)?.into_any().unbind()), bytes })
    };
    let (high, low) = (limit(HIGH)?, limit(LOW)?);
    let (held_loop, held_sock) = (event_loop.clone().unbind(), sock.clone().unbind());
    TransportCore::look(transport, |state| {
        state.event_loop = Some(held_loop);
        state.sock = Some(held_sock);
        state.fd = fd;
        state.high = high;
        state.low = low;
    })?;
    TransportCore::set_protocol_field(transport, protocol)?;
    transport.setattr(names.protocol_connected.bind(py), true)?;
    transport.setattr(names.server.bind(py), server)?;
    if let Some(server) = server {
        tell_server(server, names.attach.bind(py), transport)?;
    }
    register(event_loop, fd, transport)?;
    if kind.is_tcp() {
        Socket::of(fd).and_then(Socket::set_nodelay).map_err(|error| os_error(&error.into()))?;
    }
    schedule(transport, event_loop, protocol, waiter)
}

/// Tell a server that it has a connection, or has lost it. Since CPython 3.13 it wants to know which.
///
/// # Errors
/// What it raises, which may be closed.
pub(super) fn tell_server(
    server: &Bound<'_, PyAny>,
    method: &Bound<'_, PyString>,
    transport: &Bound<'_, TransportCore>,
) -> PyResult<()> {
    if version::is_at_least(server.py(), 13) {
        return server.call_method1(method, (transport,)).map(drop);
    }
    server.call_method0(method).map(drop)
}

/// What `get_extra_info` tells.
fn describe(
    extra: &Bound<'_, PyAny>,
    sock: &Bound<'_, PyAny>,
    kind: Kind,
    fd: i32,
) -> PyResult<()> {
    let py = sock.py();
    let names = names(py);
    extra.set_item(names.socket.bind(py), view_of(sock)?)?;
    let own = address_of(sock, kind, || Socket::of(fd)?.own_address(), names.getsockname.bind(py))?;
    extra.set_item(names.sockname.bind(py), own)?;
    if !extra.contains(names.peername.bind(py))? {
        let peers =
            address_of(sock, kind, || Socket::of(fd)?.peers_address(), names.getpeername.bind(py))?;
        extra.set_item(names.peername.bind(py), peers)?;
    }
    Ok(())
}

/// An address of the socket, which its own method tells of any other kind; None if it has none.
fn address_of<'py>(
    sock: &Bound<'py, PyAny>,
    kind: Kind,
    ask: impl FnOnce() -> Result<Option<SocketAddr>>,
    method: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = sock.py();
    if kind.is_inet() {
        match ask() {
            Ok(Some(address)) => return Ok(Some(tuple_of(py, address)?.into_any())),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
    }
    match sock.call_method0(method) {
        Ok(address) => Ok(Some(address)),
        Err(error) if error.is_instance_of::<PyOSError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Have the protocol told, then the socket read, then who waits for the transport woken.
///
/// The protocol in a callback of its own: where its method turns the loop (`run_nested`), the rest is to run there.
fn schedule<'py>(
    transport: &Bound<'py, TransportCore>,
    event_loop: &Bound<'py, LoopCore>,
    protocol: &Bound<'py, PyAny>,
    waiter: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = transport.py();
    let context = context_of(transport)?;
    let context = context.as_ref();
    let made = protocol.getattr(names(py).connection_made.bind(py))?;
    LoopCore::call_next(event_loop, &made, &PyTuple::new(py, [transport])?, context)?;
    let reading = transport.getattr(names(py).begin_reading.bind(py))?;
    LoopCore::call_next(event_loop, &reading, &PyTuple::new(py, waiter)?, context)
}

fn begin_reading(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let stream = stream_of(transport)?;
    let stream = stream.get();
    let (waits, fd) = stream.with(py, |state| (state.closing || state.paused, state.fd));
    let Some(event_loop) = stream.event_loop(py).filter(|_| !waits) else { return Ok(()) };
    let ready = transport.getattr(names(py).read_ready.bind(py))?;
    add_file(transport, &event_loop, &names(py).add_reader, fd, &ready)
}

fn wake(waiter: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = waiter.py();
    let wake = standard(py)?.futures.bind(py).getattr(names(py).wake_waiter.bind(py))?;
    wake.call1((waiter, py.None())).map(drop)
}
