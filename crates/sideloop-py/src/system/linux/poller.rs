//! What a loop waits with: the epoll object of its selector, in which the bell is registered beside the files.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::bell::Bell;
use crate::system::{EVENT_READ, EVENT_WRITE, Watch};

/// Events taken from the kernel at once; what is left comes with the next turn.
const MOST_EVENTS: usize = 128;

/// What the kernel says of the bell: no descriptor, not even in one half (those are not negative).
const BELL: u64 = u64::MAX;

/// A file that is ready, and for what.
pub(crate) struct Ready {
    pub(crate) fd: i32,
    pub(crate) mask: u32,
}

/// An epoll object, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Poller(i32);

impl Poller {
    /// The number as `number` gives it; None if it is none, which is said by -1.
    #[inline]
    pub(crate) fn of(number: isize) -> Option<Self> {
        i32::try_from(number).ok().filter(|fd| *fd >= 0).map(Self)
    }

    pub(crate) fn number(self) -> isize {
        self.0 as isize
    }

    /// Have the kernel tell of the bell. A second time it changes nothing.
    pub(crate) fn hear(self, bell: &Bell) -> io::Result<()> {
        // Edge-triggered, so that nobody has to read it: each ring is an edge of its own.
        let flags = EventFlags::IN | EventFlags::ET;
        match epoll::add(self.fd(), bell.file(), EventData::new_u64(BELL), flags) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Have the kernel watch a file. The number is not negative, as in the three below.
    pub(crate) fn watch(self, file: i32, events: u32, watch: Watch) -> io::Result<()> {
        let (data, flags) = event(file, events, watch);
        // SAFETY: it is not negative.
        Ok(epoll::add(self.fd(), unsafe { borrowed(file) }, data, flags)?)
    }

    /// Have the kernel watch a file for other events.
    pub(crate) fn change(self, file: i32, events: u32, watch: Watch) -> io::Result<()> {
        let (data, flags) = event(file, events, watch);
        // SAFETY: it is not negative.
        Ok(epoll::modify(self.fd(), unsafe { borrowed(file) }, data, flags)?)
    }

    /// The same where the kernel has watched a file of this number, which may have been another one.
    pub(crate) fn change_or_watch(self, file: i32, events: u32, watch: Watch) -> io::Result<()> {
        let (data, flags) = event(file, events, watch);
        // SAFETY: it is not negative.
        match epoll::modify(self.fd(), unsafe { borrowed(file) }, data, flags) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => self.watch(file, events, watch),
            Err(error) => Err(error.into()),
        }
    }

    /// Have the kernel watch a file no more.
    pub(crate) fn forget(self, file: i32) -> io::Result<()> {
        // SAFETY: it is not negative.
        Ok(epoll::delete(self.fd(), unsafe { borrowed(file) })?)
    }

    /// Wait for what is ready, or for the end of `timeout`. A signal ends it with no events.
    pub(crate) fn poll(self, timeout: Option<Duration>) -> io::Result<Vec<Ready>> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; MOST_EVENTS];
        let events = match epoll::wait(self.fd(), &mut room[..], timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        // Python fills in only the half of the union that holds the descriptor.
        let ready = |event: &epoll::Event| Ready {
            fd: (event.data.u64() & 0xffff_ffff) as i32,
            mask: mask(event.flags),
        };
        Ok(events.iter().filter(|event| event.data.u64() != BELL).map(ready).collect())
    }

    fn fd<'a>(self) -> BorrowedFd<'a> {
        // SAFETY: it is not negative. The selector owns the descriptor; the loop holds the selector and forgets the
        // descriptor when it lets the selector go, which only the thread that runs the loop does.
        unsafe { borrowed(self.0) }
    }
}

/// The file descriptor that the number stands for, for as long as one system call lasts.
///
/// # Safety
/// The number is not negative. It need not be open: epoll then says so.
unsafe fn borrowed<'a>(fd: i32) -> BorrowedFd<'a> {
    // SAFETY: by the caller's word; only the kernel looks at it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// An event for a file, as Python's `select.epoll` registers it, from the bits of `selectors`.
fn event(fd: i32, events: u32, watch: Watch) -> (EventData, EventFlags) {
    let mut flags = match watch {
        Watch::Always => EventFlags::empty(),
        Watch::Once => EventFlags::ONESHOT,
    };
    flags.set(EventFlags::IN, events & EVENT_READ != 0);
    flags.set(EventFlags::OUT, events & EVENT_WRITE != 0);
    (EventData::new_u64(u64::from(fd.unsigned_abs())), flags)
}

/// What happened, in the bits of `selectors`: whatever is not input counts as writable, and the
/// other way round, so that errors reach both kinds of callback.
fn mask(flags: EventFlags) -> u32 {
    let mut mask = 0;
    if flags.intersects(EventFlags::IN.complement()) {
        mask |= EVENT_WRITE;
    }
    if flags.intersects(EventFlags::OUT.complement()) {
        mask |= EVENT_READ;
    }
    mask
}
