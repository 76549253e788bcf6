//! How a transport ends: it is closed, the protocol is told, and the socket is closed.

use pyo3::prelude::*;
use pyo3::types::{PySuper, PyTuple};

use super::begin::{context_of, is_known_version, tell_server};
use super::keeps::Keeps;
use super::known::{TransportCore, stream_of};
use super::protocol::ask;
use super::sockets;
use super::write::flush;
use crate::event_loop::LoopCore;
use crate::policy::chain::after;
use crate::python::names::names;

#[pymethods]
impl TransportCore {
    /// Close the transport, when all has left.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        close(slf)
    }

    /// Tell the protocol that the connection is lost, and close the socket.
    fn _call_connection_lost(slf: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        if !is_known_version(py) {
            let next = PySuper::new(&py.get_type::<Self>(), slf)?;
            return next.call_method1(names(py).call_connection_lost.bind(py), (exc,)).map(drop);
        }
        let told = tell_lost(slf, exc);
        match (told, release(slf)) {
            (Err(told), Err(error)) => Err(after(py, error, told)),
            (told, released) => told.and(released),
        }
    }
}

fn close(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let names = names(py);
    let stream = stream_of(transport)?;
    let stream = stream.get();
    flush(transport, stream)?;
    if !is_known_version(py) {
        let next = PySuper::new(&py.get_type::<TransportCore>(), transport)?;
        return next.call_method0(names.close.bind(py)).map(drop);
    }
    if stream.with(py, |state| std::mem::replace(&mut state.closing, true)) {
        return Ok(());
    }
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    let fd = stream.with(py, |state| state.fd);
    event_loop.call_method1(names.remove_reader.bind(py), (fd,))?;
    if !stream.with(py, |state| state.pieces.is_empty()) {
        return Ok(());
    }
    stream.with(py, |state| state.conn_lost += 1);
    event_loop.call_method1(names.remove_writer.bind(py), (fd,))?;
    let lost = transport.getattr(names.call_connection_lost.bind(py))?;
    let context = context_of(transport)?;
    LoopCore::call_next(&event_loop, &lost, &PyTuple::new(py, [py.None()])?, context.as_ref())
}

fn tell_lost(transport: &Bound<'_, TransportCore>, error: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = transport.py();
    if !transport.getattr(names(py).protocol_connected.bind(py))?.is_truthy()? {
        return Ok(());
    }
    let protocol = stream_of(transport)?.get().protocol(py);
    protocol.call_method1(names(py).connection_lost.bind(py), (error,)).map(drop)
}

fn release(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let names = names(py);
    if let Some(sock) = stream_of(transport)?.get().sock(py) {
        sockets::close(&sock)?;
    }
    let held = TransportCore::look(transport, |state| {
        (state.sock.take(), state.protocol.take(), state.event_loop.take())
    })?;
    drop(held);
    let server = transport.getattr(names.server.bind(py))?;
    if !server.is_none() {
        tell_server(&server, names.detach.bind(py), transport)?;
        transport.setattr(names.server.bind(py), py.None())?;
    }
    Ok(())
}

/// There is nothing more to come: the protocol says whether it has still something to write.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code.
pub(super) fn at_end(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let names = names(py);
    let stream = stream_of(transport)?;
    let stream = stream.get();
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    if !is_known_version(py) || event_loop.get().is_debug() {
        return transport.call_method0("_read_ready__on_eof").map(drop);
    }
    let protocol = stream.protocol(py);
    let message = "Fatal error: protocol.eof_received() call failed.";
    let stays = match ask(transport, &protocol, &names.eof_received, message)? {
        Some(answer) => answer.is_truthy()?,
        None => return Ok(()),
    };
    if !stays {
        return transport.call_method0(names.close.bind(py)).map(drop);
    }
    let fd = stream.with(py, |state| state.fd);
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    event_loop.call_method1(names.remove_reader.bind(py), (fd,)).map(drop)
}
