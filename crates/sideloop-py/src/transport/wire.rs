//! The system calls of transports.
//!
//! They are made attached: the sockets never block, and what the kernel copies takes less time than the interpreter
//! takes to come back where other threads want it.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use pyo3::prelude::*;
use rustix::io::{Errno, Result};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketFlags, acceptfrom_with,
    getpeername, getsockname, recv, recvfrom, send, sendmsg, sendto, sockopt,
};

use super::pieces::Pieces;
use crate::python::names::names;

/// The most pieces of one call (`IOV_MAX`).
const MOST: usize = 1024;

/// So many have room on the stack.
const FEW: usize = 16;

/// The descriptor of a socket that is there and open. Asked for each time: whoever has the socket may have closed it,
/// and the number may be another file's by now.
pub(super) fn descriptor_of(sock: Option<Bound<'_, PyAny>>) -> PyResult<Result<RawFd>> {
    let Some(sock) = sock else { return Ok(Err(Errno::BADF)) };
    let fd: RawFd = sock.call_method0(names(sock.py()).fileno.bind(sock.py()))?.extract()?;
    Ok(if fd < 0 { Err(Errno::BADF) } else { Ok(fd) })
}

/// The file that the number stands for, for one system call; -1 is none.
fn file<'a>(fd: RawFd) -> Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: not negative, and its owner's a moment ago, since when no Python code has run that could close it. Only
    // the kernel looks at it, which says so if it is none.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Send what the kernel takes of these pieces. Returns how many bytes.
pub(super) fn send_pieces(py: Python<'_>, fd: RawFd, pieces: &Pieces) -> Result<usize> {
    let count = pieces.count().min(MOST);
    let mut slices = pieces.slices(py).map(IoSlice::new);
    if count <= 1 {
        return slices.next().map_or(Ok(0), |only| send_bytes(fd, &only));
    }
    let file = file(fd)?;
    let mut control = SendAncillaryBuffer::default();
    if count <= FEW {
        let mut few = [IoSlice::new(&[]); FEW];
        few.iter_mut().zip(slices).for_each(|(place, slice)| *place = slice);
        return sendmsg(file, few.get(..count).unwrap_or_default(), &mut control, FLAGS);
    }
    let many: Vec<_> = slices.take(count).collect();
    sendmsg(file, &many, &mut control, FLAGS)
}

/// Send what the kernel takes of these bytes. Returns how many.
pub(super) fn send_bytes(fd: RawFd, bytes: &[u8]) -> Result<usize> {
    send(file(fd)?, bytes, FLAGS)
}

/// Python ignores SIGPIPE, but a program that embeds it may not.
const FLAGS: SendFlags = SendFlags::NOSIGNAL;

/// Read into the room. Returns how many bytes; none at the end.
pub(super) fn receive(fd: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<usize> {
    recv(file(fd)?, room, RecvFlags::empty()).map(|(_, length)| length)
}

/// The same, into bytes that have been written to.
pub(super) fn receive_into(fd: RawFd, room: &mut [u8]) -> Result<usize> {
    recv(file(fd)?, room, RecvFlags::empty()).map(|(_, length)| length)
}

/// Take a connection that has come in, and who it is from. It does not block.
pub(super) fn accept(fd: RawFd) -> Result<(OwnedFd, Option<SocketAddrAny>)> {
    acceptfrom_with(file(fd)?, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

/// A socket's own address, if it is one of the internet.
pub(super) fn own_address(fd: RawFd) -> Result<Option<SocketAddr>> {
    Ok(SocketAddr::try_from(getsockname(file(fd)?)?).ok())
}

/// The address of its peer.
pub(super) fn peers_address(fd: RawFd) -> Result<Option<SocketAddr>> {
    Ok(getpeername(file(fd)?)?.and_then(|address| SocketAddr::try_from(address).ok()))
}

/// Have small writes sent without waiting for an acknowledgement.
pub(super) fn set_nodelay(fd: RawFd) -> Result<()> {
    sockopt::set_tcp_nodelay(file(fd)?, true)
}

/// What has become of a connection that was begun.
pub(super) fn connection_error(fd: RawFd) -> Result<std::result::Result<(), Errno>> {
    sockopt::socket_error(file(fd)?)
}

/// What was read.
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    /// None if the kernel names none.
    pub(super) sender: Option<SocketAddr>,
}

/// Read a datagram into the room. It does not wait for one, whatever becomes of the socket.
pub(super) fn receive_datagram(fd: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<Datagram<'_>> {
    let ((bytes, _), _, sender) = recvfrom(file(fd)?, room, RecvFlags::DONTWAIT)?;
    let sender = sender.and_then(|sender| SocketAddr::try_from(sender).ok());
    Ok(Datagram { bytes, sender })
}

/// Send a datagram there.
pub(super) fn send_to(fd: RawFd, bytes: &[u8], address: SocketAddr) -> Result<usize> {
    sendto(file(fd)?, bytes, FLAGS, &address)
}

/// Whether this says only that nothing can be done now.
pub(super) fn is_not_now(error: Errno) -> bool {
    // Both have the same number here, elsewhere not.
    error == Errno::AGAIN || error == Errno::WOULDBLOCK || error == Errno::INTR
}
