//! The system calls of transports.
//!
//! They are made attached: the sockets never block, and what the kernel copies takes less time than the interpreter
//! takes to come back where other threads want it.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

pub(crate) use rustix::io::{Errno, Result};
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvfrom, send, sendmsg, sendto,
};

/// Python ignores SIGPIPE, but a program that embeds it may not.
const FLAGS: SendFlags = SendFlags::NOSIGNAL;

/// A socket, by its number: whoever has it may close it, and so no Python code runs between `of` and a call.
#[derive(Clone, Copy)]
pub(crate) struct Socket(i32);

/// What was read.
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    /// None if the kernel names none.
    pub(crate) sender: Option<SocketAddr>,
}

impl Socket {
    /// The socket of this number; -1 is none.
    pub(crate) fn of(fd: i32) -> Result<Self> {
        if fd < 0 { Err(Errno::BADF) } else { Ok(Self(fd)) }
    }

    /// Send what the kernel takes of these bytes. Returns how many.
    pub(crate) fn send(self, bytes: &[u8]) -> Result<usize> {
        send(self.file(), bytes, FLAGS)
    }

    /// The same, of several pieces.
    pub(crate) fn send_slices(self, slices: &[IoSlice<'_>]) -> Result<usize> {
        sendmsg(self.file(), slices, &mut SendAncillaryBuffer::default(), FLAGS)
    }

    /// Read into the room. Returns how many bytes; none at the end.
    pub(crate) fn receive(self, room: &mut [MaybeUninit<u8>]) -> Result<usize> {
        recv(self.file(), room, RecvFlags::empty()).map(|(_, length)| length)
    }

    /// The same, into bytes that have been written to.
    pub(crate) fn receive_into(self, room: &mut [u8]) -> Result<usize> {
        recv(self.file(), room, RecvFlags::empty()).map(|(_, length)| length)
    }

    /// Read a datagram into the room. It does not wait for one, whatever becomes of the socket.
    pub(crate) fn receive_datagram(self, room: &mut [MaybeUninit<u8>]) -> Result<Datagram<'_>> {
        let ((bytes, _), _, sender) = recvfrom(self.file(), room, RecvFlags::DONTWAIT)?;
        let sender = sender.and_then(|sender| SocketAddr::try_from(sender).ok());
        Ok(Datagram { bytes, sender })
    }

    /// Send a datagram there.
    pub(crate) fn send_to(self, bytes: &[u8], address: SocketAddr) -> Result<usize> {
        sendto(self.file(), bytes, FLAGS, &address)
    }

    fn file<'a>(self) -> BorrowedFd<'a> {
        // SAFETY: not negative, and its owner's a moment ago, since when no Python code has run that could close it.
        // Only the kernel looks at it, which says so if it is none.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

/// Whether this says only that nothing can be done now.
pub(crate) fn is_not_now(error: Errno) -> bool {
    // Both have the same number here, elsewhere not.
    error == Errno::AGAIN || error == Errno::WOULDBLOCK || error == Errno::INTR
}
