//! What the socket has not taken: it is kept until the loop says that the socket takes more.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::known::{TransportCore, add_file, stream_of};
use super::protocol::fail;
use super::stream::{Stream, Writes};
use super::wire::send_pieces;
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::names::names;
use crate::system::socket::is_not_now;

pub(super) const FAILED: &str = "Fatal write error on socket transport";

/// Keep these pieces until the socket takes more.
///
/// # Errors
/// As `watch`.
pub(super) fn keep(
    transport: &Bound<'_, TransportCore>,
    stream: &Stream,
    pieces: &[Bound<'_, PyBytes>],
) -> PyResult<()> {
    stream.with(transport.py(), |state| {
        pieces.iter().for_each(|piece| state.pieces.push(piece));
        state.writes = Writes::Backlogged;
    });
    watch(transport, stream)
}

/// Have the loop say when the socket takes more.
///
/// # Errors
/// What watching the socket raises, and `SystemExit` and `KeyboardInterrupt` of a protocol that is told.
pub(super) fn watch(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    let fd = stream.with(py, |state| state.fd);
    let ready = transport.getattr(names(py).write_ready.bind(py))?;
    add_file(transport, &event_loop, &names(py).add_writer, fd, &ready)?;
    pause(transport, stream)
}

/// Tell the protocol if there is too much.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` of the protocol's.
pub(super) fn pause(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let too_much =
        stream.with(py, |state| !state.protocol_paused && state.pieces.len() > state.high.bytes);
    if too_much {
        transport.call_method0(names(py).maybe_pause_protocol.bind(py))?;
    }
    Ok(())
}

/// Tell the protocol if there is little enough.
fn resume(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let little =
        stream.with(py, |state| state.protocol_paused && state.pieces.len() <= state.low.bytes);
    if little {
        transport.call_method0(names(py).maybe_resume_protocol.bind(py))?;
    }
    Ok(())
}

/// The socket takes more.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code, and what shutting down raises.
pub(super) fn write_ready(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let stream = stream_of(transport)?;
    let stream = stream.get();
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    if stream.is_lost(py) || stream.with(py, |state| state.writes != Writes::Backlogged) {
        return Ok(());
    }
    let socket = stream.socket(py)?;
    let mut pieces = stream.with(py, |state| std::mem::take(&mut state.pieces));
    match socket.and_then(|socket| send_pieces(py, socket, &pieces)) {
        Ok(sent) => pieces.advance(py, sent),
        Err(error) if is_not_now(error) => {}
        Err(error) => {
            stream.with(py, |state| state.writes = Writes::Idle);
            drop(pieces);
            return lose(transport, stream, &event_loop, os_error(&error.into()));
        }
    }
    stream.with(py, |state| state.pieces = pieces);
    // The protocol may write, close or abort in it.
    resume(transport, stream)?;
    let is_sent = stream.with(py, |state| {
        let is_sent = state.pieces.is_empty() && state.writes == Writes::Backlogged;
        if is_sent {
            state.writes = Writes::Idle;
        }
        is_sent
    });
    if is_sent { all_has_left(transport, stream, &event_loop) } else { Ok(()) }
}

fn lose(
    transport: &Bound<'_, TransportCore>,
    stream: &Stream,
    event_loop: &Bound<'_, LoopCore>,
    error: PyErr,
) -> PyResult<()> {
    let py = transport.py();
    let fd = stream.with(py, |state| state.fd);
    event_loop.call_method1(names(py).remove_writer.bind(py), (fd,))?;
    let error = error.into_value(py);
    fail(transport, PyErr::from_value(error.bind(py).clone().into_any()), FAILED)?;
    let waiter =
        stream.with(py, |state| state.empty_waiter.as_ref().map(|held| held.clone_ref(py)));
    if let Some(waiter) = waiter {
        waiter.call_method1(py, "set_exception", (error,))?;
    }
    Ok(())
}

fn all_has_left(
    transport: &Bound<'_, TransportCore>,
    stream: &Stream,
    event_loop: &Bound<'_, LoopCore>,
) -> PyResult<()> {
    let py = transport.py();
    let (fd, waiter) = stream
        .with(py, |state| (state.fd, state.empty_waiter.as_ref().map(|held| held.clone_ref(py))));
    event_loop.call_method1(names(py).remove_writer.bind(py), (fd,))?;
    if let Some(waiter) = waiter {
        waiter.call_method1(py, "set_result", (py.None(),))?;
    }
    // Since the protocol was told to resume, it may have ended the connection itself.
    let (closing, lost, eof) = stream.with(py, |state| {
        let lost = state.conn_lost > 0;
        if state.closing && !lost {
            // asyncio's own does not count this one, and fails where something is written after it.
            state.conn_lost = 1;
        }
        (state.closing, lost, state.eof)
    });
    if closing && !lost {
        transport.call_method1("_call_connection_lost", (py.None(),))?;
    } else if eof && !lost {
        shut_down(py, stream)?;
    }
    Ok(())
}

/// Tell the peer that nothing more will come.
///
/// # Errors
/// What the socket raises.
pub(super) fn shut_down(py: Python<'_>, stream: &Stream) -> PyResult<()> {
    let Some(sock) = stream.sock(py) else { return Ok(()) };
    let how = py.import("socket")?.getattr("SHUT_WR")?;
    sock.call_method1("shutdown", (how,)).map(drop)
}
