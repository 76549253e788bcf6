//! The system calls of transports.
//!
//! They are made attached: the sockets never block, and what the kernel copies takes less time than the interpreter
//! takes to come back where other threads want it.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

pub(crate) use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketAddrUnix,
    SocketFlags, SocketType, acceptfrom_with, getpeername, getsockname, ipproto, recv, recvfrom,
    send, sendmsg, sendto, sockopt,
};

/// Python ignores SIGPIPE, but a program that embeds it may not.
const FLAGS: SendFlags = SendFlags::NOSIGNAL;

/// A socket, by its number: whoever has it may close it, and so no Python code runs between `of` and a call.
#[derive(Clone, Copy)]
pub(crate) struct Socket(i32);

/// What a socket was made with, in the kernel's numbers.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    family: i32,
    kind: i32,
    proto: i32,
}

/// A connection that has come in. It is closed, unless somebody has it.
pub(crate) struct Accepted(OwnedFd);

/// Who a connection is from.
pub(crate) struct PeerName(Option<SocketAddrAny>);

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

    pub(crate) fn number(self) -> i32 {
        self.0
    }

    /// Take a connection that has come in, and who it is from. It does not block.
    pub(crate) fn accept(self) -> Result<(Accepted, PeerName)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        acceptfrom_with(self.file(), flags).map(|(fd, peer)| (Accepted(fd), PeerName(peer)))
    }

    /// Its own address, if it is one of the internet.
    pub(crate) fn own_address(self) -> Result<Option<SocketAddr>> {
        Ok(SocketAddr::try_from(getsockname(self.file())?).ok())
    }

    /// The address of its peer.
    pub(crate) fn peers_address(self) -> Result<Option<SocketAddr>> {
        Ok(getpeername(self.file())?.and_then(|address| SocketAddr::try_from(address).ok()))
    }

    /// Have small writes sent without waiting for an acknowledgement.
    pub(crate) fn set_nodelay(self) -> Result<()> {
        sockopt::set_tcp_nodelay(self.file(), true)
    }

    /// What has become of a connection that was begun.
    pub(crate) fn connection_error(self) -> Result<std::result::Result<(), Errno>> {
        sockopt::socket_error(self.file())
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
        // SAFETY: not negative, and its owner's a moment ago. Only the kernel looks at it, which says so if it is none:
        // where a transport begins, code of the user's may have closed it since.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

impl Kind {
    /// Of these numbers, as Python has them.
    pub(crate) fn of(family: i32, kind: i32, proto: i32) -> Option<Self> {
        Some(Self { family, kind, proto })
    }

    /// That of a connection by IPv4.
    pub(crate) fn tcp_v4() -> Option<Self> {
        Some(Self::tcp(AddressFamily::INET))
    }

    /// That of a connection by IPv6.
    pub(crate) fn tcp_v6() -> Option<Self> {
        Some(Self::tcp(AddressFamily::INET6))
    }

    fn tcp(family: AddressFamily) -> Self {
        Self {
            family: family.as_raw().into(),
            kind: SocketType::STREAM.as_raw().cast_signed(),
            proto: ipproto::TCP.as_raw().get().cast_signed(),
        }
    }

    /// Whether its addresses are of the internet.
    pub(crate) fn is_inet(self) -> bool {
        [AddressFamily::INET, AddressFamily::INET6]
            .iter()
            .any(|family| i32::from(family.as_raw()) == self.family)
    }

    /// Whether what it carries is a stream of bytes, over the internet or within the machine.
    pub(crate) fn is_stream(self) -> bool {
        let is_local = i32::from(AddressFamily::UNIX.as_raw()) == self.family;
        self.kind.cast_unsigned() == SocketType::STREAM.as_raw() && (is_local || self.is_inet())
    }

    pub(crate) fn is_tcp(self) -> bool {
        self.is_inet()
            && self.kind.cast_unsigned() == SocketType::STREAM.as_raw()
            && self.proto.cast_unsigned() == ipproto::TCP.as_raw().get()
    }

    /// The numbers of its family, kind and protocol, with the flag that saves a socket from being told not to block.
    pub(crate) fn without_blocking(self) -> (i32, i32, i32) {
        (self.family, self.kind | SocketFlags::NONBLOCK.bits().cast_signed(), self.proto)
    }
}

impl Accepted {
    pub(crate) fn number(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Somebody else has it from here on.
    pub(crate) fn give_away(self) {
        let _ = self.0.into_raw_fd();
    }
}

impl PeerName {
    /// The address, if it is one of the internet.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        SocketAddr::try_from(self.0.clone()?).ok()
    }

    /// Whether it has none, as most clients of Unix sockets.
    pub(crate) fn lacks_name(self) -> bool {
        self.0.is_none_or(|address| {
            SocketAddrUnix::try_from(address).is_ok_and(|address| address.is_unnamed())
        })
    }
}

/// Whether this says only that nothing can be done now.
pub(crate) fn is_not_now(error: Errno) -> bool {
    // Both have the same number here, elsewhere not.
    error == Errno::AGAIN || error == Errno::WOULDBLOCK || error == Errno::INTR
}

/// Whether this says that a connection has gone before it was taken.
pub(crate) fn has_gone(error: Errno) -> bool {
    error == Errno::CONNABORTED
}

/// Whether this says that there are too many files, or no memory for one more.
pub(crate) fn is_no_room(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
}

/// Whether this says that a connection is begun, and how it ends is still to come.
pub(crate) fn is_begun(error: Errno) -> bool {
    matches!(error, Errno::INPROGRESS | Errno::AGAIN | Errno::ALREADY | Errno::INTR)
}
