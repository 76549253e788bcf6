//! What is sent at the end of a turn: the writes that its callbacks have made leave together.
//!
//! The loop knows neither what it is nor how it is sent: an object, and a function for it, as with the tenant.
//!
//! ```text
//!         open           send_soon
//!   Shut ──────▶ Empty ────────────▶ Filled
//!    ▲             │ shut               │ shut: all is sent
//!    └─────────────┴────────────────────┘
//! ```
//!
//! It is open while the loop runs what is ready and while it starts calls, and shut while it waits, so that nothing
//! stays in it for so long. To a loop that sends nothing so it is a store and a look each time.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::core::LoopCore;
use crate::policy::chain::after;
use crate::python::attached::Attached;

/// Send what an object has gathered. It returns what is to leave the loop: `SystemExit` and `KeyboardInterrupt`.
pub(crate) type SendNow = fn(&Bound<'_, PyAny>) -> PyResult<()>;

/// The objects that have something to send.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Attached<Vec<(Py<PyAny>, SendNow)>>,
    // ORDERING: Relaxed for both: read and written attached, by the thread that runs the loop.
    is_open: AtomicBool,
    /// Only while it is open.
    is_filled: AtomicBool,
}

impl Outbox {
    /// Take what is to be sent, until `shut` or `leave` sends it.
    #[inline]
    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn is_filled(&self) -> bool {
        self.is_filled.load(Ordering::Relaxed)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let all = |waiting: &Vec<(Py<PyAny>, SendNow)>| {
            waiting.iter().try_for_each(|(object, _)| visit.call(object))
        };
        self.waiting.traverse(all).unwrap_or(Ok(()))
    }

    pub(super) fn clear(&self, py: Python<'_>) {
        self.is_filled.store(false, Ordering::Relaxed);
        let waiting = self.waiting.with(py, std::mem::take);
        drop(waiting);
    }

    /// Send what is in it, also what is put there meanwhile. All of it is sent, whatever one of them raises.
    #[cold]
    #[inline(never)]
    fn send(&self, py: Python<'_>) -> PyResult<()> {
        let mut sent = Ok(());
        while self.is_filled() {
            self.is_filled.store(false, Ordering::Relaxed);
            let mut waiting = self.waiting.with(py, std::mem::take);
            for (object, send) in waiting.drain(..) {
                sent = both(py, sent, send(object.bind(py)));
            }
            // Its room is for the next turn.
            self.waiting.with(py, |now| {
                if now.is_empty() {
                    std::mem::swap(now, &mut waiting);
                }
            });
        }
        sent
    }
}

/// What transports ask of the loop, and who waits in a callback.
impl LoopCore {
    /// Whether what is put into the outbox now leaves soon: it is open, on this thread, in this process.
    pub(crate) fn sends_soon(&self) -> bool {
        self.outbox.is_open.load(Ordering::Relaxed) && !self.runs_elsewhere() && !self.orphaned()
    }

    /// Have this object send when the outbox is shut. It is not in there yet.
    pub(crate) fn send_soon(&self, object: &Bound<'_, PyAny>, send: SendNow) {
        self.outbox.is_filled.store(true, Ordering::Relaxed);
        let entry = (object.clone().unbind(), send);
        self.outbox.waiting.with(object.py(), |waiting| waiting.push(entry));
    }

    /// Send what is in the outbox, also what is put there meanwhile.
    ///
    /// # Errors
    /// The first `SystemExit` or `KeyboardInterrupt`, when all have sent.
    #[inline]
    pub(crate) fn send_now(&self, py: Python<'_>) -> PyResult<()> {
        if self.outbox.is_filled() { self.outbox.send(py) } else { Ok(()) }
    }
}

/// What a turn does with the outbox.
impl LoopCore {
    /// Send what is in the outbox and shut it, however the part of the turn has ended that it was open for.
    #[inline]
    pub(super) fn shut_outbox(&self, py: Python<'_>, done: PyResult<()>) -> PyResult<()> {
        // A new Ok: to hand on what may be an error takes longer than all the rest of this.
        if done.is_ok() && !self.outbox.is_filled() {
            self.outbox.is_open.store(false, Ordering::Relaxed);
            return Ok(());
        }
        self.send_and_shut(py, done)
    }

    #[cold]
    #[inline(never)]
    fn send_and_shut(&self, py: Python<'_>, done: PyResult<()>) -> PyResult<()> {
        let sent = self.outbox.send(py);
        self.outbox.is_open.store(false, Ordering::Relaxed);
        both(py, done, sent)
    }

    /// Leave the turn outside of this one, if a callback turns the loop: what it has gathered is sent, for this one
    /// may wait.
    #[inline]
    pub(super) fn leave_outer_turn(&self, py: Python<'_>) -> PyResult<()> {
        if self.outbox.is_open.load(Ordering::Relaxed) {
            return self.send_and_shut(py, Ok(()));
        }
        Ok(())
    }
}

/// The first error, or the second with it as its context.
fn both(py: Python<'_>, first: PyResult<()>, second: PyResult<()>) -> PyResult<()> {
    match (first, second) {
        (Err(first), Err(second)) => Err(after(py, second, first)),
        (first, second) => first.and(second),
    }
}
