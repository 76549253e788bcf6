//! The loop thread's wait, on Linux: mixed in front of `selectors.EpollSelector`.
//!
//! One `select` does three things in this order: detach and complete the hand-offs whose outcomes
//! are stored, wait for I/O or for the bell, and, attached again, take the entry's messages. The loop
//! runs what they start in the same turn.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use sideloop_core::entry::Sleep;
use sideloop_core::spin::{Plan, Seen, spin};

use crate::cpus;
use crate::entry::{Bell, Entry};
use crate::runner::RunnerCore;

/// Events taken from the kernel at once; what is left comes with the next turn.
const MOST_EVENTS: usize = 128;

/// The mixin: `class Selector(Poller, selectors.EpollSelector)`.
#[pyclass(frozen, subclass, dict, weakref, module = "sideloop._sideloop")]
pub(crate) struct Poller {
    runner: Py<RunnerCore>,
}

#[pymethods]
impl Poller {
    #[new]
    fn new(runner: Py<RunnerCore>) -> Self {
        Self { runner }
    }

    /// The fork generation has passed this selector by: the kernel's object belongs to the parent.
    #[getter]
    fn orphaned(&self) -> bool {
        self.runner.get().entry.is_orphaned()
    }

    /// Hear the bell of the runner's entry from here on.
    fn hear_bell(slf: &Bound<'_, Self>) -> PyResult<()> {
        let entry = &slf.get().runner.get().entry;
        let Bell::Eventfd(bell) = &entry.bell else { return Ok(()) };
        let data = EventData::new_u64(u64::try_from(bell.as_raw_fd()).unwrap_or(u64::MAX));
        // Edge-triggered, so that nobody has to read it: each ring is an edge of its own.
        let flags = EventFlags::IN | EventFlags::ET;
        with_epoll(slf, |epoll| epoll::add(epoll, bell, data, flags))?
            .map_err(std::io::Error::from)?;
        Ok(())
    }

    /// Wait until a registered file is ready, a message comes or `timeout` seconds have passed; None
    /// waits without a limit. Returns the list of `(key, events)` that `selectors` defines.
    #[pyo3(signature = (timeout = None))]
    fn select<'py>(slf: &Bound<'py, Self>, timeout: Option<f64>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let runner = slf.get().runner.bind(py);
        let entry = &*runner.get().entry;
        let events = with_epoll(slf, |epoll| {
            if timeout.is_some_and(|seconds| seconds <= 0.0) {
                // Other work is ready, so we do not detach: look without waiting.
                entry.publish();
                poll(entry, epoll, Some(Duration::ZERO))
            } else {
                py.detach(|| wait(entry, epoll, timeout.map(rounded_up)))
            }
        })?
        .map_err(std::io::Error::from)?;
        RunnerCore::drain(runner)?;
        let found = PyList::empty(py);
        if events.is_empty() {
            return Ok(found);
        }
        let keys = slf.getattr(pyo3::intern!(py, "_fd_to_key"))?.cast_into::<PyDict>()?;
        for Ready { fd, mask } in events {
            if let Some(key) = keys.get_item(fd)? {
                let wanted: u32 = key.getattr(pyo3::intern!(py, "events"))?.extract()?;
                if mask & wanted != 0 {
                    found.append((key, mask & wanted))?;
                }
            }
        }
        Ok(found)
    }
}

/// A file that is ready, and for what, in the two bits of `selectors`.
struct Ready {
    fd: RawFd,
    mask: u32,
}

/// Detached: complete the hand-offs, then wait for I/O, a message or the end of `timeout`.
fn wait(
    entry: &Entry,
    epoll: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> rustix::io::Result<Vec<Ready>> {
    entry.publish();
    let plan = match timeout {
        // A timer that is due sooner would come late.
        Some(timeout) if timeout <= sideloop_core::spin::BUDGET => Plan::Park,
        Some(_) | None => entry.messages.plan(cpus::usable()),
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
        return poll(entry, epoll, Some(Duration::ZERO));
    }
    let start = Instant::now();
    let polled = poll(entry, epoll, timeout);
    if plan == Plan::Park {
        entry.messages.note(Seen::Parked(start.elapsed()));
    }
    polled
}

/// One poll of the kernel's object. A signal ends it with no events, as in `selectors`.
fn poll(
    entry: &Entry,
    epoll: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> rustix::io::Result<Vec<Ready>> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; MOST_EVENTS];
    let events = match epoll::wait(epoll, &mut room[..], timeout.as_ref()) {
        Ok((events, _)) => events,
        Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // Python fills in only the half of the union that holds the descriptor.
    let ready = |event: &epoll::Event| Ready {
        fd: (event.data.u64() & 0xffff_ffff) as RawFd,
        mask: mask(event.flags),
    };
    let bell = bell_of(entry);
    Ok(events.iter().map(ready).filter(|ready| ready.fd != bell).collect())
}

/// Use the selector's own epoll object.
fn with_epoll<T>(slf: &Bound<'_, Poller>, inside: impl FnOnce(BorrowedFd<'_>) -> T) -> PyResult<T> {
    let selector = slf.getattr(pyo3::intern!(slf.py(), "_selector"))?;
    let fd: RawFd = selector.call_method0(pyo3::intern!(slf.py(), "fileno"))?.extract()?;
    if fd < 0 {
        return Err(PyRuntimeError::new_err("the selector is closed"));
    }
    // SAFETY: the epoll object owns the descriptor and is closed only by this thread, which is here,
    // or by a thread that has joined this one; `selector` keeps it alive.
    Ok(inside(unsafe { BorrowedFd::borrow_raw(fd) }))
}

fn bell_of(entry: &Entry) -> RawFd {
    match &entry.bell {
        Bell::Eventfd(bell) => bell.as_raw_fd(),
        Bell::CallSoon => -1,
    }
}

/// What happened, in the two bits of `selectors`: whatever is not input can be written, and so on,
/// so that errors reach both kinds of callback.
fn mask(flags: EventFlags) -> u32 {
    const READ: u32 = 1;
    const WRITE: u32 = 2;
    let mut mask = 0;
    if flags.intersects(EventFlags::IN.complement()) {
        mask |= WRITE;
    }
    if flags.intersects(EventFlags::OUT.complement()) {
        mask |= READ;
    }
    mask
}

/// The kernel's timeout counts milliseconds; rounded down, the loop would spin until a timer is due.
fn rounded_up(seconds: f64) -> Duration {
    crate::deadline::bounded((seconds * 1e3).ceil() * 1e-3)
}
