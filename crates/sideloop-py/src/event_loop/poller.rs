//! The loop thread's wait, on Linux: polls the epoll object of the standard `selectors.EpollSelector`,
//! in which the entry's bell is registered beside the files.
//!
//! Any other selector is asked through its own `select`; the loop's self-pipe then is the bell.

use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use pyo3::prelude::*;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use sideloop_core::entry::Sleep;
use sideloop_core::spin::{Plan, Seen, spin};

use crate::entry::{Bell, Entry};
use crate::policy::errors::os_error;
use crate::python::lock::lock;

/// Events taken from the kernel at once; what is left comes with the next turn.
const MOST_EVENTS: usize = 128;

/// The bits of `selectors`.
pub(crate) const EVENT_READ: u32 = 1;
pub(crate) const EVENT_WRITE: u32 = 2;

/// What the kernel says of the bell: no descriptor, not even in one half (those are not negative).
const BELL: u64 = u64::MAX;

/// A file that is ready, and for what.
pub(crate) struct Ready {
    pub(crate) fd: RawFd,
    pub(crate) mask: u32,
}

/// The epoll object of a selector that polls the standard way, with the bell registered in it.
pub(crate) fn adopt(selector: &Bound<'_, PyAny>, entry: &Entry) -> PyResult<Option<RawFd>> {
    let py = selector.py();
    let Bell::Eventfd(bell) = &entry.bell else { return Ok(None) };
    // Nothing is imported for it: a loop may be closed while the interpreter shuts down.
    if selector.is_none() {
        return Ok(None);
    }
    // Exactly these: one derived from them may have its own ideas of registering and polling.
    let class = selector.get_type();
    // gevent and eventlet take the standard one away.
    let standard = py.import("selectors")?.getattr_opt("EpollSelector")?;
    let is_standard = standard.is_some_and(|standard| class.is(&standard))
        || class.is(&py.import("sideloop._loops.selector")?.getattr("ForkAwareSelector")?);
    if !is_standard {
        return Ok(None);
    }
    let fd: RawFd = selector.call_method0("fileno")?.extract()?;
    let data = EventData::new_u64(BELL);
    // Edge-triggered, so that nobody has to read it: each ring is an edge of its own.
    let flags = EventFlags::IN | EventFlags::ET;
    // SAFETY: the selector owns the descriptor and lives for this call.
    let epoll = unsafe { BorrowedFd::borrow_raw(fd) };
    // The bell may be taken away meanwhile, when the loop is closed.
    let added = lock(bell).as_ref().map(|bell| epoll::add(epoll, bell, data, flags));
    match added {
        None => Ok(None),
        // EEXIST: the selector was ours before.
        Some(Ok(()) | Err(rustix::io::Errno::EXIST)) => Ok(Some(fd)),
        Some(Err(error)) => Err(os_error(&error.into())),
    }
}

/// The file descriptor that the number stands for, for as long as one system call lasts.
///
/// # Safety
/// The number is not negative. It need not be open: epoll then says so.
unsafe fn borrowed<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: by the caller's word; only the kernel looks at it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// How often the kernel is to tell of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// As long as there is something, as `selectors` has it.
    Always,
    /// Until it has told.
    Once,
}

/// An event for a file, as Python's `select.epoll` registers it, from the bits of `selectors`.
fn event(fd: RawFd, events: u32, watch: Watch) -> (EventData, EventFlags) {
    let mut flags = match watch {
        Watch::Always => EventFlags::empty(),
        Watch::Once => EventFlags::ONESHOT,
    };
    flags.set(EventFlags::IN, events & EVENT_READ != 0);
    flags.set(EventFlags::OUT, events & EVENT_WRITE != 0);
    (EventData::new_u64(u64::from(fd.unsigned_abs())), flags)
}

/// Have the kernel watch a file. Neither number is negative, as in the two below.
pub(super) fn watch(epoll: RawFd, fd: RawFd, events: u32, watch: Watch) -> PyResult<()> {
    let (data, flags) = event(fd, events, watch);
    // SAFETY: neither is negative.
    let added = unsafe { epoll::add(borrowed(epoll), borrowed(fd), data, flags) };
    added.map_err(|error| os_error(&error.into()))
}

/// Have the kernel watch a file for other events.
pub(super) fn change(epoll: RawFd, fd: RawFd, events: u32, watch: Watch) -> PyResult<()> {
    let (data, flags) = event(fd, events, watch);
    // SAFETY: neither is negative.
    let changed = unsafe { epoll::modify(borrowed(epoll), borrowed(fd), data, flags) };
    changed.map_err(|error| os_error(&error.into()))
}

/// The same where the kernel has watched a file of this number, which may have been another one.
pub(super) fn change_or_watch(
    epoll: RawFd,
    fd: RawFd,
    events: u32,
    watched: Watch,
) -> PyResult<()> {
    let (data, flags) = event(fd, events, watched);
    // SAFETY: neither is negative.
    match unsafe { epoll::modify(borrowed(epoll), borrowed(fd), data, flags) } {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOENT) => watch(epoll, fd, events, watched),
        Err(error) => Err(os_error(&error.into())),
    }
}

/// Have the kernel watch a file no more.
pub(super) fn forget(epoll: RawFd, fd: RawFd) -> PyResult<()> {
    // SAFETY: neither is negative.
    let deleted = unsafe { epoll::delete(borrowed(epoll), borrowed(fd)) };
    deleted.map_err(|error| os_error(&error.into()))
}

/// Attached, for other work is ready: look without waiting.
pub(crate) fn look(entry: &Entry, epoll: RawFd) -> std::io::Result<Vec<Ready>> {
    entry.publish_and_go_on();
    poll(epoll, Some(Duration::ZERO))
}

/// Detached: complete the hand-offs, then wait for I/O, a message or the end of `timeout`.
pub(crate) fn wait(
    entry: &Entry,
    epoll: RawFd,
    timeout: Option<Duration>,
) -> std::io::Result<Vec<Ready>> {
    entry.publish();
    let expects_call = entry.next_call.take();
    let plan = match timeout {
        // A timer that is due sooner would come late.
        Some(timeout) if timeout <= sideloop_core::spin::BUDGET => Plan::Park,
        Some(_) | None if expects_call => {
            entry.messages.plan(entry.loop_seat.take(&entry.caller_seat))
        }
        Some(_) | None => Plan::Park,
    };
    let spun = match plan {
        Plan::Spin => {
            let seen = spin(|| entry.looks_filled() || entry.is_stop_due());
            entry.messages.note(seen);
            seen == Seen::Answered
        }
        Plan::Park => false,
    };
    if spun || entry.prepare_sleep() == Sleep::Stay {
        return poll(epoll, Some(Duration::ZERO));
    }
    if plan == Plan::Spin || !expects_call {
        return poll(epoll, timeout);
    }
    entry.messages.parked(|| poll(epoll, timeout))
}

/// One poll of the kernel's object. A signal ends it with no events.
fn poll(epoll: RawFd, timeout: Option<Duration>) -> std::io::Result<Vec<Ready>> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; MOST_EVENTS];
    // SAFETY: the selector owns the descriptor; the loop holds the selector and forgets the
    // descriptor when it lets the selector go, which only the thread that runs the loop does.
    let epoll = unsafe { BorrowedFd::borrow_raw(epoll) };
    let events = match epoll::wait(epoll, &mut room[..], timeout.as_ref()) {
        Ok((events, _)) => events,
        Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    // Python fills in only the half of the union that holds the descriptor.
    let ready = |event: &epoll::Event| Ready {
        fd: (event.data.u64() & 0xffff_ffff) as RawFd,
        mask: mask(event.flags),
    };
    Ok(events.iter().filter(|event| event.data.u64() != BELL).map(ready).collect())
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
