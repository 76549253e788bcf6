//! The system calls of pipes, made attached as those of sockets: who reads and writes never blocks.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result, read, write};

/// One end of a pipe, by its number: whoever has it may close it, and so no Python code runs between `of` and a call.
#[derive(Clone, Copy)]
pub(crate) struct Pipe(i32);

impl Pipe {
    /// The end of this number; -1 is none.
    pub(crate) fn of(fd: i32) -> Result<Self> {
        if fd < 0 { Err(Errno::BADF) } else { Ok(Self(fd)) }
    }

    /// Read into the room. Returns how many bytes; none at the end.
    pub(crate) fn read(self, room: &mut [MaybeUninit<u8>]) -> Result<usize> {
        read(self.file(), room).map(|(filled, _)| filled.len())
    }

    /// Write some of these. Returns how many.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<usize> {
        write(self.file(), bytes)
    }

    fn file(&self) -> BorrowedFd<'_> {
        // SAFETY: it is not -1. It is used in this call alone, by its number, as Python's own `os.read` does.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
