//! How a thread waits for the other end of a hand-off: natively, or, where threads are greenlets (gevent or
//! eventlet has patched the process), so that the other greenlets of this thread go on.
//!
//! A greenlet must not wait natively: that stops its thread's hub, and with it all others. It waits in the hub
//! for a bell, which whoever completes the hand-off rings. What is thrown into it there (a time limit of the
//! hub's, Ctrl-C) interrupts the call, as a signal does elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::handoff::{Completer, Wait, Waiter, handoff, handoff_rung_by};

use crate::policy::errors::os_error;
use crate::policy::patience::next_look;
use crate::python::detach::detached;
use crate::python::thread;
use crate::system::bell::Bell;

/// `wait_readable(fd, seconds)`, which waits in the hub of the calling thread.
static WAIT_IN_HUB: OnceLock<Py<PyAny>> = OnceLock::new();

/// From here on all waits of this process are in hubs, and its threads are the greenlets that `get_ident` tells.
#[pyfunction]
pub(crate) fn wait_in_hubs(wait_readable: Py<PyAny>, get_ident: Py<PyAny>) {
    thread::are_greenlets(get_ident);
    let _ = WAIT_IN_HUB.set(wait_readable);
}

/// Whether they are.
pub(super) fn waits_in_hubs() -> bool {
    WAIT_IN_HUB.get().is_some()
}

/// The end of a hand-off that waits, and how.
pub(crate) struct Pause {
    pub(crate) waiter: Waiter,
    hub: Option<Hub>,
}

impl Pause {
    /// A new hand-off, waited for as this process has it.
    ///
    /// # Errors
    /// `OSError` if there is no descriptor left.
    pub(crate) fn new() -> PyResult<(Completer, Self)> {
        if let Some(wait_readable) = WAIT_IN_HUB.get() {
            return Hub::handoff(wait_readable);
        }
        let (completer, waiter) = handoff();
        Ok((completer, Self { waiter, hub: None }))
    }

    /// Whether it is a hub that waits.
    pub(crate) fn is_in_hub(&self) -> bool {
        self.hub.is_some()
    }

    /// Wait once, until `limit` at the latest.
    ///
    /// # Errors
    /// What was thrown into this greenlet.
    pub(crate) fn wait(&self, py: Python<'_>, limit: Option<Instant>) -> PyResult<Wait> {
        match &self.hub {
            None => Ok(detached(py, || self.waiter.park(limit))),
            Some(hub) => hub.wait(py, &self.waiter, limit),
        }
    }

    /// Wait until the other end tells, or until `end`, and look for signals meanwhile.
    ///
    /// # Errors
    /// What a signal handler raises, and what was thrown into this greenlet.
    pub(crate) fn wait_until(&self, py: Python<'_>, end: Option<Instant>) -> PyResult<Wait> {
        let looks = !self.is_in_hub() && thread::is_main(py)?;
        loop {
            let now = Instant::now();
            let seen = self.wait(py, next_look(looks, now, end))?;
            py.check_signals()?;
            if seen != Wait::TimedOut || end.is_some_and(|end| end <= Instant::now()) {
                return Ok(seen);
            }
        }
    }
}

/// A greenlet's wait in the hub of its thread.
struct Hub {
    wait_readable: &'static Py<PyAny>,
    bell: Arc<Bell>,
}

impl Hub {
    fn handoff(wait_readable: &'static Py<PyAny>) -> PyResult<(Completer, Pause)> {
        let Some(bell) = Bell::new().map_err(|error| os_error(&error))? else {
            return Err(PyRuntimeError::new_err(
                "in a process that gevent or eventlet has patched, calls are served on Linux only",
            ));
        };
        let bell = Arc::new(bell);
        let rung = Arc::clone(&bell);
        let (completer, waiter) = handoff_rung_by(Box::new(move || rung.ring()));
        Ok((completer, Pause { waiter, hub: Some(Self { wait_readable, bell }) }))
    }

    fn wait(&self, py: Python<'_>, waiter: &Waiter, limit: Option<Instant>) -> PyResult<Wait> {
        if let Some(seen) = waiter.peek() {
            return Ok(seen);
        }
        let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
        let left = left.map(|left| left.as_secs_f64());
        self.wait_readable.call1(py, (self.bell.fd(), left))?;
        // It is rung anew for the next one, and each time after what it is for can be seen.
        self.bell.hush();
        Ok(waiter.peek().unwrap_or(Wait::TimedOut))
    }
}
