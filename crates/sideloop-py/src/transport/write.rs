//! The way out: what is written is gathered, and leaves with the end of the turn, in one system call.
//!
//! It leaves sooner where somebody could see that it has not: before the transport is closed, paused or asked how
//! much there is, before a fork, and at once where there is much, where the loop is not in a turn, and where the
//! protocol wants to be told of less (`set_write_buffer_limits(0)`).

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sideloop_core::generation;

use super::backlog::{FAILED, keep, pause, watch};
use super::door::{Door, count_lost, door};
use super::known::{TransportCore, stream_of};
use super::protocol::fail;
use super::stream::{State, Stream, Writes};
use super::wire::send_pieces;
use crate::policy::errors::os_error;
use crate::python::buffer;
use crate::system::socket::is_not_now;

/// From here on gathering saves nothing: in bytes.
pub(super) const LARGE: usize = 64 * 1024;

/// Write an object that is one of the three kinds, and is not empty.
pub(super) fn write(
    transport: &Bound<'_, TransportCore>,
    stream: &Stream,
    data: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        return put(transport, stream, std::slice::from_ref(bytes));
    }
    match write_view(transport, stream, data) {
        Ok(Some(copy)) => put(transport, stream, &[copy]),
        Ok(None) => Ok(()),
        Err(Refused::View(error)) => fail(transport, error, FAILED),
        Err(Refused::Passed(error)) => Err(error),
    }
}

enum Refused {
    /// It shows no bytes.
    View(PyErr),
    /// To be raised as it is.
    Passed(PyErr),
}

/// Send from an object whose bytes may change as soon as this returns, if they are many. What is left is returned, in
/// a copy.
fn write_view<'py>(
    transport: &Bound<'py, TransportCore>,
    stream: &Stream,
    data: &Bound<'py, PyAny>,
) -> Result<Option<Bound<'py, PyBytes>>, Refused> {
    let py = transport.py();
    let copy_from = |start: usize| {
        let copy =
            buffer::read(data, |bytes| PyBytes::new(py, bytes.get(start..).unwrap_or_default()));
        copy.map(Some).map_err(Refused::View)
    };
    let length = buffer::read(data, <[u8]>::len).map_err(Refused::View)?;
    if length < LARGE {
        return copy_from(0);
    }
    flush(transport, stream).map_err(Refused::Passed)?;
    if door(py, stream) != Door::Open || stream.with(py, |state| state.writes != Writes::Idle) {
        return copy_from(0);
    }
    let sent = match stream.socket(py).map_err(Refused::Passed)? {
        Ok(socket) => buffer::read(data, |bytes| socket.send(bytes)).map_err(Refused::View)?,
        Err(error) => Err(error),
    };
    match sent {
        Ok(sent) if sent == length => Ok(None),
        Ok(sent) => {
            let left = copy_from(sent)?;
            keep(transport, stream, left.as_slice()).map_err(Refused::Passed)?;
            Ok(None)
        }
        Err(error) if is_not_now(error) => {
            let left = copy_from(0)?;
            keep(transport, stream, left.as_slice()).map_err(Refused::Passed)?;
            Ok(None)
        }
        Err(error) => Err(Refused::View(os_error(&error.into()))),
    }
}

/// What to do next with what was written.
enum Next {
    /// It leaves with the end of the turn. The transport is to be put into the outbox.
    List,
    /// It leaves with what is in the outbox.
    Wait,
    /// It leaves now.
    Send,
    /// It leaves when the socket takes more: the protocol may have to be paused.
    Pause,
}

/// Gather these pieces, or have them leave.
pub(super) fn put(
    transport: &Bound<'_, TransportCore>,
    stream: &Stream,
    pieces: &[Bound<'_, PyBytes>],
) -> PyResult<()> {
    let py = transport.py();
    match door(py, stream) {
        Door::Open => {}
        Door::Lost => return count_lost(transport, stream),
        // Since it was asked, what has been sent has told the protocol something, which has done that.
        Door::AfterEof | Door::Sendfile => return Ok(()),
    }
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    let may_wait = event_loop.get().sends_soon();
    let (inherited, next) = stream.with(py, |state| {
        let inherited = state.take_inherited();
        (inherited, gather(state, pieces, may_wait))
    });
    drop(inherited);
    match next {
        Next::Wait => Ok(()),
        Next::List => {
            event_loop.get().send_soon(transport.as_any(), send_at_end);
            Ok(())
        }
        Next::Send => flush(transport, stream),
        Next::Pause => pause(transport, stream),
    }
}

fn gather(state: &mut State, pieces: &[Bound<'_, PyBytes>], may_wait: bool) -> Next {
    pieces.iter().for_each(|piece| state.pieces.push(piece));
    if state.writes == Writes::Backlogged {
        return Next::Pause;
    }
    state.writes = Writes::Gathered;
    state.gathered_in = generation::current();
    let size = state.pieces.len();
    if !may_wait || size >= LARGE || size > state.high.bytes {
        return Next::Send;
    }
    if std::mem::replace(&mut state.is_listed, true) { Next::Wait } else { Next::List }
}

/// How a sending has ended.
#[must_use]
enum Sent {
    All,
    /// Some of it, or nothing. The loop is to watch the socket.
    Part,
    Failed(PyErr),
}

/// Send what is gathered, if anything is, now.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code, and what watching the socket raises.
pub(super) fn flush(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    match send_gathered(transport.py(), stream)? {
        Sent::All => Ok(()),
        Sent::Part => watch(transport, stream),
        Sent::Failed(error) => fail(transport, error, FAILED),
    }
}

/// The same, from the outbox: in nobody's context.
fn send_at_end(transport: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = transport.py();
    let transport = transport.cast::<TransportCore>()?;
    let stream = stream_of(transport)?;
    let stream = stream.get();
    stream.with(py, |state| state.is_listed = false);
    let failed = match send_gathered(py, stream) {
        Ok(Sent::All) => return Ok(()),
        Ok(Sent::Part) => match stream.in_context(py, || watch(transport, stream)) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        },
        Ok(Sent::Failed(error)) | Err(error) => error,
    };
    stream.in_context(py, || fail(transport, failed, FAILED))
}

fn send_gathered(py: Python<'_>, stream: &Stream) -> PyResult<Sent> {
    let inherited = stream.with(py, State::take_inherited);
    drop(inherited);
    if stream.with(py, |state| state.writes != Writes::Gathered) {
        return Ok(Sent::All);
    }
    let socket = stream.socket(py)?;
    // Where somebody has replaced `fileno`, it may have written, closed or sent itself.
    let Some(mut pieces) = stream.with(py, State::take_gathered) else {
        return Ok(Sent::All);
    };
    // No Python code runs from here on, until what is left is back.
    match socket.and_then(|socket| send_pieces(py, socket, &pieces)) {
        Ok(sent) => pieces.advance(py, sent),
        Err(error) if is_not_now(error) => {}
        Err(error) => return Ok(Sent::Failed(os_error(&error.into()))),
    }
    Ok(stream.with(py, |state| {
        state.pieces = pieces;
        if state.pieces.is_empty() {
            return Sent::All;
        }
        state.writes = Writes::Backlogged;
        Sent::Part
    }))
}
