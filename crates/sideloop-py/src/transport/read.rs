//! The way in: what the socket has is read, and handed to the protocol.
//!
//! Where there is room for much, and little comes, an allocator maps memory and unmaps it again for each read, which
//! takes longer than all the rest (asyncio's `recv` of 256 KiB in a fresh process). And what is read into a small room
//! and copied is slower where much comes. So how much came the last time says how the next is read.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::end::at_end;
use super::known::{TransportCore, stream_of};
use super::protocol::{fail, tell};
use super::stream::{Reads, Stream, Takes};
use super::wire::{ROOM, receive_bytes, receive_in_place};
use super::write::flush;
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::buffer;
use crate::python::names::names;
use crate::system::socket::{Errno, Result, Socket, is_not_now};

/// So little, in bytes, is the end of much: what is large comes in parts of all sizes.
const LITTLE: usize = ROOM / 4;

/// From here on, in bytes, a copy takes longer than what an allocator does to give the rest of its room back.
const COPIED: usize = 4 * 1024;

/// The most that is read at once, in bytes, as in asyncio.
const MOST: usize = 256 * 1024;

const FAILED: &str = "Fatal read error on socket transport";

/// The socket has something.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code.
pub(super) fn read_ready(transport: &Bound<'_, TransportCore>) -> PyResult<()> {
    let py = transport.py();
    let stream = stream_of(transport)?;
    let stream = stream.get();
    // What it fails with comes first.
    flush(transport, stream)?;
    if stream.is_lost(py) {
        return Ok(());
    }
    match stream.with(py, |state| state.takes) {
        Takes::Bytes => read_bytes(transport, stream),
        Takes::Buffer => read_into_buffer(transport, stream),
    }
}

fn read_bytes(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let Some(event_loop) = stream.event_loop(py) else { return Ok(()) };
    let received = match stream.socket(py)? {
        Ok(socket) => receive(stream, &event_loop, socket)?,
        Err(error) => Err(error),
    };
    match received {
        Ok(data) if data.as_bytes().is_empty() => at_end(transport),
        Ok(data) => {
            let protocol = stream.protocol(py);
            let message = "Fatal error: protocol.data_received() call failed.";
            tell(transport, &protocol, &names(py).data_received, data, message).map(drop)
        }
        Err(error) => not_read(transport, error),
    }
}

fn receive<'py>(
    stream: &Stream,
    event_loop: &Bound<'py, LoopCore>,
    socket: Socket,
) -> PyResult<Result<Bound<'py, PyBytes>>> {
    let py = event_loop.py();
    let received = match stream.with(py, |state| state.reads) {
        Reads::Small => receive_bytes(event_loop, socket, ROOM)?,
        Reads::Middling => receive_in_place(py, socket, ROOM)?,
        Reads::Large => receive_in_place(py, socket, MOST)?,
    };
    if let Ok(data) = &received {
        let length = data.as_bytes().len();
        stream.with(py, |state| state.reads = state.reads.after(length));
    }
    Ok(received)
}

impl Reads {
    /// How to read next, after so many bytes.
    const fn after(self, length: usize) -> Self {
        match (self, length) {
            (_, ROOM..) | (Self::Large, LITTLE..) => Self::Large,
            (_, COPIED..) => Self::Middling,
            _ => Self::Small,
        }
    }
}

fn read_into_buffer(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let protocol = stream.protocol(py);
    let message = "Fatal error: protocol.get_buffer() call failed.";
    let Some(room) = tell(transport, &protocol, &names(py).get_buffer, -1, message)? else {
        return Ok(());
    };
    match room.len() {
        Ok(1..) => {}
        Ok(0) => {
            let error = PyRuntimeError::new_err("get_buffer() returned an empty buffer");
            return fail(transport, error, message);
        }
        Err(error) => return fail(transport, error, message),
    }
    let received = match stream.socket(py)? {
        Ok(socket) => match buffer::write(&room, |room| socket.receive_into(room)) {
            Ok(received) => received,
            // In the socket's own words, which may know better.
            Err(_) => match receive_oddly(py, stream, &room) {
                Ok(length) => Ok(length),
                Err(error) => return fail(transport, error, FAILED),
            },
        },
        Err(error) => Err(error),
    };
    match received {
        Ok(0) => at_end(transport),
        Ok(length) => {
            let message = "Fatal error: protocol.buffer_updated() call failed.";
            // It may have been replaced by what the protocol does when asked for a buffer.
            let protocol = stream.protocol(py);
            tell(transport, &protocol, &names(py).buffer_updated, length, message).map(drop)
        }
        Err(error) => not_read(transport, error),
    }
}

fn receive_oddly(py: Python<'_>, stream: &Stream, room: &Bound<'_, PyAny>) -> PyResult<usize> {
    let sock = stream.sock(py).ok_or_else(|| os_error(&Errno::BADF.into()))?;
    sock.call_method1("recv_into", (room,))?.extract()
}

fn not_read(transport: &Bound<'_, TransportCore>, error: Errno) -> PyResult<()> {
    if is_not_now(error) {
        return Ok(());
    }
    fail(transport, os_error(&error.into()), FAILED)
}
