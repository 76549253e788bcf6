//! How a connection begins: what asyncio's constructor does.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::core::TlsCore;
use super::outgoing::asyncios;
use super::standard::{Standard, inside_of, standard};
use super::state::{State, Takes, Told, Water};
use super::transport::{app_transport, new_protocol};
use crate::event_loop::LoopCore;
use crate::python::dictionary;
use crate::python::names::names;
use crate::transport::{Parts as StreamParts, make as make_stream};

/// What a connection is made of, as asyncio's constructor takes it.
struct Parts<'a, 'py> {
    event_loop: &'a Bound<'py, PyAny>,
    protocol: &'a Bound<'py, PyAny>,
    context: &'a Bound<'py, PyAny>,
    waiter: Option<&'a Bound<'py, PyAny>>,
    server_side: &'a Bound<'py, PyAny>,
    server_hostname: Option<&'a Bound<'py, PyAny>>,
    /// Whether the protocol is to be told of the connection.
    is_to_tell: bool,
    handshake_timeout: Option<&'a Bound<'py, PyAny>>,
    shutdown_timeout: Option<&'a Bound<'py, PyAny>>,
}

/// The transport of a TLS connection over this socket: what asyncio's `_make_ssl_transport` makes.
///
/// # Errors
/// What the context and the loop raise, and a server that has closed meanwhile.
#[pyfunction]
#[pyo3(signature = (
    event_loop, sock, protocol, sslcontext, waiter=None, *, server_side, server_hostname=None, extra=None, server=None,
    ssl_handshake_timeout=None, ssl_shutdown_timeout=None, context=None,
))]
#[expect(clippy::too_many_arguments, reason = "they are those of asyncio's method")]
pub(crate) fn make_tls<'py>(
    event_loop: &Bound<'py, LoopCore>,
    sock: &Bound<'py, PyAny>,
    protocol: &Bound<'py, PyAny>,
    sslcontext: &Bound<'py, PyAny>,
    waiter: Option<&Bound<'py, PyAny>>,
    server_side: &Bound<'py, PyAny>,
    server_hostname: Option<&Bound<'py, PyAny>>,
    extra: Option<&Bound<'py, PyAny>>,
    server: Option<&Bound<'py, PyAny>>,
    ssl_handshake_timeout: Option<&Bound<'py, PyAny>>,
    ssl_shutdown_timeout: Option<&Bound<'py, PyAny>>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let over = new_protocol(event_loop.py())?;
    let parts = Parts {
        event_loop: event_loop.as_any(),
        protocol,
        context: sslcontext,
        waiter,
        server_side,
        server_hostname,
        is_to_tell: true,
        handshake_timeout: ssl_handshake_timeout,
        shutdown_timeout: ssl_shutdown_timeout,
    };
    begin(&over, &parts)?;
    let (waiter, protocol) = (None, over.as_any());
    make_stream(&StreamParts { event_loop, sock, protocol, waiter, extra, server, context })?;
    over.get().needed(event_loop.py(), |state| &state.app_transport)
}

#[pymethods]
impl TlsCore {
    #[pyo3(signature = (
        r#loop, app_protocol, sslcontext, waiter, server_side, server_hostname=None,
        call_connection_made=true, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are those of asyncio's constructor")]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        r#loop: &Bound<'py, PyAny>,
        app_protocol: &Bound<'py, PyAny>,
        sslcontext: &Bound<'py, PyAny>,
        waiter: Option<&Bound<'py, PyAny>>,
        server_side: &Bound<'py, PyAny>,
        server_hostname: Option<&Bound<'py, PyAny>>,
        call_connection_made: bool,
        ssl_handshake_timeout: Option<&Bound<'py, PyAny>>,
        ssl_shutdown_timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let parts = Parts {
            event_loop: r#loop,
            protocol: app_protocol,
            context: sslcontext,
            waiter,
            server_side,
            server_hostname,
            is_to_tell: call_connection_made,
            handshake_timeout: ssl_handshake_timeout,
            shutdown_timeout: ssl_shutdown_timeout,
        };
        begin(slf, &parts)
    }

    fn _set_app_protocol(slf: &Bound<'_, Self>, app_protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        set_protocol(slf, app_protocol)
    }
}

fn begin<'py>(slf: &Bound<'py, TlsCore>, parts: &Parts<'_, 'py>) -> PyResult<()> {
    let py = slf.py();
    let names = names(py);
    let known = standard()?;
    let seconds = [
        (parts.handshake_timeout, &names.ssl_handshake_timeout, &names.handshake_timeout),
        (parts.shutdown_timeout, &names.ssl_shutdown_timeout, &names.shutdown_timeout),
    ];
    let [handshake_timeout, shutdown_timeout] =
        seconds.map(|(given, what, name)| timeout(known, given, what.bind(py), name.bind(py)));
    let (handshake_timeout, shutdown_timeout) = (handshake_timeout?, shutdown_timeout?);
    let context = if parts.context.is_truthy()? {
        parts.context.clone()
    } else {
        let make = known.sslproto.bind(py).getattr("_create_transport_context")?;
        make.call1((parts.server_side, parts.server_hostname))?
    };
    let server_hostname = match parts.server_hostname {
        Some(name) if name.is_truthy()? && !parts.server_side.is_truthy()? => Some(name),
        _ => None,
    };
    let room = room_of(parts.event_loop)?;
    let extra = dictionary::empty(py)?;
    extra.set_item(names.sslcontext.bind(py), &context)?;
    let (incoming, outgoing) = (known.new_bio(py)?, known.new_bio(py)?);
    let [incoming_high, incoming_low] = waters(known, names.high_water_read.bind(py))?;
    let [outgoing_high, outgoing_low] = waters(known, names.high_water_write.bind(py))?;
    let backlog = known.deque.bind(py).call0()?;
    let object = wrap(&context, [&incoming, &outgoing], parts.server_side, server_hostname)?;
    let engine = inside_of(&object)?;
    let keep = |object: &Bound<'py, PyAny>| Some(object.clone().unbind());
    let begun = State {
        told: if parts.is_to_tell { Told::Nothing } else { Told::Made },
        event_loop: keep(parts.event_loop),
        waiter: parts.waiter.and_then(keep),
        server_side: keep(parts.server_side),
        server_hostname: server_hostname.and_then(keep),
        context: keep(&context),
        extra: keep(extra.as_any()),
        object: keep(&object),
        engine: keep(&engine),
        incoming: keep(&incoming),
        outgoing: keep(&outgoing),
        backlog: keep(&backlog),
        handshake_timeout: keep(&handshake_timeout),
        shutdown_timeout: keep(&shutdown_timeout),
        incoming_high,
        incoming_low,
        outgoing_high,
        outgoing_low,
        room: keep(&room),
        ..State::default()
    };
    let before = slf.get().with(py, |state| std::mem::replace(state, begun));
    drop(before);
    set_protocol(slf, parts.protocol)?;
    app_transport(slf).map(drop)
}

fn set_protocol(slf: &Bound<'_, TlsCore>, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
    let buffered = names(slf.py()).buffered_protocol.bind(slf.py());
    if protocol.is_instance(&standard()?.protocols.bind(slf.py()).getattr(buffered)?)? {
        return asyncios(slf, "_set_app_protocol", (protocol,)).map(drop);
    }
    slf.get().hold(protocol, |state| {
        state.takes = Takes::Bytes;
        &mut state.protocol
    });
    Ok(())
}

/// A limit in seconds; asyncio's of this name, if none is given.
fn timeout<'py>(
    known: &Standard,
    given: Option<&Bound<'py, PyAny>>,
    what: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let Some(given) = given else { return known.constants.bind(py).getattr(name) };
    if given.le(0)? {
        let text = format!("{what} should be a positive number, got {}", given.str()?);
        return Err(PyValueError::new_err(text));
    }
    Ok(given.clone())
}

/// The limits of a buffer that asyncio begins with, by its constant of this name.
fn waters(known: &Standard, name: &Bound<'_, PyString>) -> PyResult<[Water; 2]> {
    let py = name.py();
    let kib = known.constants.bind(py).getattr(name)?;
    let limits = names(py).flow_control.bind(py);
    let both = known.sslproto.bind(py).getattr(limits)?.call1((py.None(), py.None(), kib))?;
    let water = |place: usize| -> PyResult<Water> {
        let given = both.get_item(place)?;
        Ok(Water { bytes: given.extract()?, given: Some(given.unbind()) })
    };
    Ok([water(0)?, water(1)?])
}

/// What makes and reads records, by the user's context.
fn wrap<'py>(
    context: &Bound<'py, PyAny>,
    [incoming, outgoing]: [&Bound<'py, PyAny>; 2],
    server_side: &Bound<'py, PyAny>,
    server_hostname: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = context.py();
    let names = names(py);
    let options = dictionary::empty(py)?;
    options.set_item(names.server_side.bind(py), server_side)?;
    options.set_item(names.server_hostname.bind(py), server_hostname)?;
    context.call_method(names.wrap_bio.bind(py), (incoming, outgoing), Some(&options))
}

/// What is read into, for all connections of a loop.
fn room_of<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    let room = event_loop.getattr(names(py).tls_room.bind(py))?;
    if room.is_none() { event_loop.call_method0("_make_tls_room") } else { Ok(room) }
}
