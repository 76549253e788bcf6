//! The loop thread's wait: polls the epoll object of the standard `selectors.EpollSelector`, in which the entry's
//! bell is registered beside the files.
//!
//! Any other selector is asked through its own `select`, and on any system but Linux all are; the loop's self-pipe
//! then is the bell.

use std::io;
use std::time::Duration;

use pyo3::prelude::*;
use sideloop_core::entry::Sleep;
use sideloop_core::spin::{Plan, Seen, spin};

use crate::entry::{Bell, Entry};
use crate::policy::errors::os_error;
use crate::python::lock::lock;
use crate::system::poller::{Poller, Ready};

/// The epoll object of a selector that polls the standard way, with the bell registered in it.
pub(crate) fn adopt(selector: &Bound<'_, PyAny>, entry: &Entry) -> PyResult<Option<Poller>> {
    let py = selector.py();
    let Bell::Own(bell) = &entry.bell else { return Ok(None) };
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
    let Some(poller) = Poller::of(selector.call_method0("fileno")?.extract()?) else {
        return Ok(None);
    };
    // The bell may be taken away meanwhile, when the loop is closed.
    let hears = lock(bell).as_ref().map(|bell| poller.hear(bell));
    match hears {
        None => Ok(None),
        Some(Ok(())) => Ok(Some(poller)),
        Some(Err(error)) => Err(os_error(&error)),
    }
}

/// Attached, for other work is ready: look without waiting.
pub(crate) fn look(entry: &Entry, poller: Poller) -> io::Result<Vec<Ready>> {
    entry.publish_and_go_on();
    poller.poll(Some(Duration::ZERO))
}

/// Detached: complete the hand-offs, then wait for I/O, a message or the end of `timeout`.
pub(crate) fn wait(
    entry: &Entry,
    poller: Poller,
    timeout: Option<Duration>,
) -> io::Result<Vec<Ready>> {
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
        Plan::Spin(burst) => {
            let seen = spin(burst, || entry.has_news());
            entry.messages.note(seen);
            seen == Seen::Answered
        }
        Plan::Park => false,
    };
    if spun || entry.prepare_sleep() == Sleep::Stay {
        return poller.poll(Some(Duration::ZERO));
    }
    if plan != Plan::Park || !expects_call {
        return poller.poll(timeout);
    }
    entry.messages.parked(|| poller.poll(timeout))
}
