//! Where transports meet the system: the descriptor of a socket, and pieces that leave together.

use std::io::IoSlice;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::descriptor::descriptor_of;
use super::pieces::Pieces;
use crate::event_loop::LoopCore;
use crate::python::bytes;
use crate::system::socket::{Errno, Result, Socket};

/// The most pieces of one call (`IOV_MAX`).
const MOST: usize = 1024;

/// So many have room on the stack.
const FEW: usize = 16;

/// A socket that is there and open. Asked for each time: whoever has it may have closed it, and the number may be
/// another file's by now.
pub(super) fn socket_of(sock: Option<Bound<'_, PyAny>>) -> PyResult<Result<Socket>> {
    let Some(sock) = sock else { return Ok(Err(Errno::BADF)) };
    Ok(Socket::of(descriptor_of(&sock)?))
}

/// The loop's room, in bytes: less than what an allocator maps by itself.
pub(super) const ROOM: usize = 64 * 1024;

/// Receive at most so many bytes: by the loop's room, or if they may be more than that, where they are to stay.
///
/// # Errors
/// `MemoryError`.
pub(super) fn receive_bytes<'py>(
    event_loop: &Bound<'py, LoopCore>,
    socket: Socket,
    most: usize,
) -> PyResult<Result<Bound<'py, PyBytes>>> {
    let (py, core) = (event_loop.py(), event_loop.get());
    if most > ROOM {
        return receive_in_place(py, socket, most);
    }
    let mut room = core.take_room(py, ROOM);
    let read = room.spare_capacity_mut().get_mut(..most);
    let read = read.map_or(Err(Errno::NOMEM), |room| socket.receive(room));
    let data = read.map(|length| {
        // SAFETY: so many bytes of the room have been written to.
        unsafe { room.set_len(length) };
        PyBytes::new(py, &room)
    });
    core.give_room_back(py, room);
    Ok(data)
}

/// Receive at most so many bytes where they are to stay.
///
/// # Errors
/// `MemoryError`.
pub(super) fn receive_in_place(
    py: Python<'_>,
    socket: Socket,
    most: usize,
) -> PyResult<Result<Bound<'_, PyBytes>>> {
    // SAFETY: the kernel has written to as many bytes as it says.
    unsafe { bytes::filled(py, most, |room| socket.receive(room)) }
}

/// Send what the kernel takes of these pieces. Returns how many bytes.
pub(super) fn send_pieces(py: Python<'_>, socket: Socket, pieces: &Pieces) -> Result<usize> {
    let count = pieces.count().min(MOST);
    let mut slices = pieces.slices(py).map(IoSlice::new);
    if count <= 1 {
        return slices.next().map_or(Ok(0), |only| socket.send(&only));
    }
    if count <= FEW {
        let mut few = [IoSlice::new(&[]); FEW];
        few.iter_mut().zip(slices).for_each(|(place, slice)| *place = slice);
        return socket.send_slices(few.get(..count).unwrap_or_default());
    }
    let many: Vec<_> = slices.take(count).collect();
    socket.send_slices(&many)
}
