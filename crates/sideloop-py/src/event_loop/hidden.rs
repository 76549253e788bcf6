//! Timers that the garbage collector does not know while they are in the heap of a loop that runs.
//!
//! Where there are many, it walks through them again and again while ever more are made, which is a third of what
//! 100,000 of them take (`docs/design/2026-11-22-event-loop.md`, "Many at once"). It would find nothing: who runs the loop
//! holds it, and it holds them. Whatever may change that has the collector know them first: a timer leaves the heap, the
//! loop stops, or somebody asks for the list that is the heap, and may take out of it what he likes, now or later.
//!
//! Not where a caller drives the loop, who stops after each call and would look through all that are pending. Without the
//! interpreter lock, neither: an object is not linked to the others there, and the collector looks at all of them.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use super::core::LoopCore;
use super::spare::show;

/// What a loop hides from the collector.
#[derive(Default)]
pub(super) struct Hidden {
    // ORDERING: Relaxed: read and written attached.
    /// Timers are hidden when they are made.
    timers: AtomicBool,
    /// Somebody has got the list.
    is_list_known: AtomicBool,
}

impl LoopCore {
    /// Whether a timer is hidden when it is made.
    pub(super) fn hides_timers(&self) -> bool {
        cfg!(not(Py_GIL_DISABLED)) && self.hidden.timers.load(Ordering::Relaxed)
    }

    /// The loop begins to run.
    pub(super) fn hide_timers(&self) {
        let hides = !self.hidden.is_list_known.load(Ordering::Relaxed);
        self.hidden.timers.store(hides, Ordering::Relaxed);
    }

    /// It has stopped.
    pub(super) fn show_timers(&self, py: Python<'_>) -> PyResult<()> {
        if self.hidden.timers.swap(false, Ordering::Relaxed) {
            self.scheduled(py)?.iter().for_each(|timer| show(&timer));
        }
        Ok(())
    }

    /// Somebody gets the list.
    pub(super) fn show_list(&self, py: Python<'_>) -> PyResult<()> {
        self.hidden.is_list_known.store(true, Ordering::Relaxed);
        self.show_timers(py)
    }
}
