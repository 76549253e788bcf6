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

/// What was read.
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sender: Option<SocketAddr>,
}

impl Socket {
    pub(crate) fn of(_fd: i32) -> Result<Self> {
        Err(Errno::BADF)
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

/// Whether this says only that nothing can be done now.
pub(crate) fn is_not_now(_error: Errno) -> bool {
    false
}
