//! Where transports meet the system: the descriptor of a socket, and pieces that leave together.

use std::io::IoSlice;

use pyo3::prelude::*;

use super::descriptor::descriptor_of;
use super::pieces::Pieces;
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
