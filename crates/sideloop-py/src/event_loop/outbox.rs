//! What is sent at the end of a turn: the writes that its callbacks have made leave together.
//!
//! The loop knows neither what it is nor how it is sent: an object, and a function for it, as with the tenant.

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
    is_filled: AtomicBool,
    /// Whether a turn is on its way, at whose end it is emptied.
    in_turn: AtomicBool,
}

impl Outbox {
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
}

impl LoopCore {
    /// Whether what is put into the outbox now leaves soon: at the end of a turn, on this thread, in this process.
    pub(crate) fn sends_soon(&self) -> bool {
        self.outbox.in_turn.load(Ordering::Relaxed) && !self.runs_elsewhere() && !self.orphaned()
    }

    /// Have this object send at the end of the turn. It is not in the outbox yet.
    pub(crate) fn send_soon(&self, object: &Bound<'_, PyAny>, send: SendNow) {
        self.outbox.is_filled.store(true, Ordering::Relaxed);
        let entry = (object.clone().unbind(), send);
        self.outbox.waiting.with(object.py(), |waiting| waiting.push(entry));
    }

    /// Send what is in the outbox, also what is put there meanwhile.
    ///
    /// # Errors
    /// The first `SystemExit` or `KeyboardInterrupt`, when all have sent.
    pub(crate) fn send_now(&self, py: Python<'_>) -> PyResult<()> {
        let mut sent = Ok(());
        // No swaps: the processor locks the bus for them.
        while self.outbox.is_filled.load(Ordering::Relaxed) {
            self.outbox.is_filled.store(false, Ordering::Relaxed);
            let mut waiting = self.outbox.waiting.with(py, std::mem::take);
            for (object, send) in waiting.drain(..) {
                sent = both(py, sent, send(object.bind(py)));
            }
            // Its room is for the next turn.
            self.outbox.waiting.with(py, |now| {
                if now.is_empty() {
                    std::mem::swap(now, &mut waiting);
                }
            });
        }
        sent
    }

    /// Run this part of a turn, and send what it has put into the outbox, however it ends.
    pub(super) fn sending(
        &self,
        py: Python<'_>,
        inside: impl FnOnce() -> PyResult<()>,
    ) -> PyResult<()> {
        // A callback may turn the loop itself.
        let outer = self.outbox.in_turn.load(Ordering::Relaxed);
        self.outbox.in_turn.store(true, Ordering::Relaxed);
        let done = inside();
        let sent = self.send_now(py);
        self.outbox.in_turn.store(outer, Ordering::Relaxed);
        both(py, done, sent)
    }
}

/// The first error, or the second with it as its context.
fn both(py: Python<'_>, first: PyResult<()>, second: PyResult<()>) -> PyResult<()> {
    match (first, second) {
        (Err(first), Err(second)) => Err(after(py, second, first)),
        (first, second) => first.and(second),
    }
}
