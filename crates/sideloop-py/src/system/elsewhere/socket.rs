//! The system calls of transports: those are asyncio's, in Python.

use std::io::{Error, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;

/// What a call may fail with.
#[derive(Clone, Copy)]
pub(crate) struct Errno(i32);

impl Errno {
    pub(crate) const BADF: Self = Self(9);
    pub(crate) const NOMEM: Self = Self(12);

    pub(crate) fn from_raw_os_error(number: i32) -> Self {
        Self(number)
    }

    pub(crate) fn raw_os_error(self) -> i32 {
        self.0
    }
}

impl From<Errno> for Error {
    fn from(error: Errno) -> Self {
        Self::from_raw_os_error(error.0)
    }
}

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Socket {}

/// Of what a native transport may be: nothing.
#[derive(Clone, Copy)]
pub(crate) enum Kind {}

/// A connection that has come in: none does.
pub(crate) enum Accepted {}

/// Who a connection is from.
pub(crate) enum PeerName {}

/// What was read.
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sender: Option<SocketAddr>,
}

impl Socket {
    pub(crate) fn of(_fd: i32) -> Result<Self> {
        Err(Errno::BADF)
    }

    pub(crate) fn number(self) -> i32 {
        match self {}
    }

    pub(crate) fn accept(self) -> Result<(Accepted, PeerName)> {
        match self {}
    }

    pub(crate) fn own_address(self) -> Result<Option<SocketAddr>> {
        match self {}
    }

    pub(crate) fn peers_address(self) -> Result<Option<SocketAddr>> {
        match self {}
    }

    pub(crate) fn set_nodelay(self) -> Result<()> {
        match self {}
    }

    pub(crate) fn connection_error(self) -> Result<Result<()>> {
        match self {}
    }

    pub(crate) fn send(self, _bytes: &[u8]) -> Result<usize> {
        match self {}
    }

    pub(crate) fn send_slices(self, _slices: &[IoSlice<'_>]) -> Result<usize> {
        match self {}
    }

    pub(crate) fn receive(self, _room: &mut [MaybeUninit<u8>]) -> Result<usize> {
        match self {}
    }

    pub(crate) fn receive_into(self, _room: &mut [u8]) -> Result<usize> {
        match self {}
    }

    pub(crate) fn receive_datagram(self, _room: &mut [MaybeUninit<u8>]) -> Result<Datagram<'_>> {
        match self {}
    }

    pub(crate) fn send_to(self, _bytes: &[u8], _address: SocketAddr) -> Result<usize> {
        match self {}
    }
}

impl Kind {
    pub(crate) fn of(_family: i32, _kind: i32, _proto: i32) -> Option<Self> {
        None
    }

    pub(crate) fn tcp_v4() -> Option<Self> {
        None
    }

    pub(crate) fn tcp_v6() -> Option<Self> {
        None
    }

    pub(crate) fn is_inet(self) -> bool {
        match self {}
    }

    pub(crate) fn is_stream(self) -> bool {
        match self {}
    }

    pub(crate) fn is_tcp(self) -> bool {
        match self {}
    }

    pub(crate) fn without_blocking(self) -> (i32, i32, i32) {
        match self {}
    }
}

impl Accepted {
    pub(crate) fn number(&self) -> i32 {
        match *self {}
    }

    pub(crate) fn give_away(self) {
        match self {}
    }
}

impl PeerName {
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match *self {}
    }

    pub(crate) fn lacks_name(self) -> bool {
        match self {}
    }
}

/// Whether this says only that nothing can be done now.
pub(crate) fn is_not_now(_error: Errno) -> bool {
    false
}

/// Whether this says that a connection has gone before it was taken.
pub(crate) fn has_gone(_error: Errno) -> bool {
    false
}

/// Whether this says that there are too many files, or no memory for one more.
pub(crate) fn is_no_room(_error: Errno) -> bool {
    false
}

/// Whether this says that a connection is begun, and how it ends is still to come.
pub(crate) fn is_begun(_error: Errno) -> bool {
    false
}
