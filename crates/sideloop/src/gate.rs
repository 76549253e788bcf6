//! The gate that a runtime's first threads wait at until the runtime stands.
//!
//! ```text
//!              open()
//!   Shut ─────────────────▶ Open      threads pass
//!    │   nothing for PATIENCE
//!    └────────────────────▶ Failed    threads leave
//! ```
//!
//! tokio panics while it builds a runtime if a thread is refused, and then waits for those that it has
//! already: they would run for good, and building would never end. Held at the gate they can leave, so that
//! it does. Who builds cannot tell them, since it is inside of that panic; but with threads to be had, the
//! gate opens within microseconds.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a thread waits before it takes the building for failed. A builder that was merely kept from a
/// CPU for so long finds the gate failed and builds again.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Shut,
    Open,
    Failed,
}

pub(crate) struct Gate {
    is_open: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            is_open: AtomicBool::new(false),
            state: Mutex::new(State::Shut),
            changed: Condvar::new(),
        }
    }

    /// Let the threads pass. False if they have left.
    #[must_use]
    pub(crate) fn open(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = *state == State::Shut;
        if opens {
            *state = State::Open;
            // ORDERING: Relaxed: a short cut past the lock, which publishes nothing.
            self.is_open.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.changed.notify_all();
        opens
    }

    /// Wait until the gate opens; or leave the thread, without a word to the panic hook.
    ///
    /// Where panics abort there is nobody to wait for: the one that building meets has ended the process.
    pub(crate) fn pass(&self) {
        if cfg!(panic = "abort") || self.is_open.load(Ordering::Relaxed) {
            return;
        }
        if !self.has_opened() {
            resume_unwind(Box::new("sideloop: the runtime of this thread could not be started"));
        }
    }

    /// Wait for the gate. If it does not open, it has failed for all.
    fn has_opened(&self) -> bool {
        let mut state = self
            .changed
            .wait_timeout_while(
                self.state.lock().unwrap_or_else(PoisonError::into_inner),
                PATIENCE,
                |state| *state == State::Shut,
            )
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if *state == State::Shut {
            *state = State::Failed;
        }
        *state == State::Open
    }
}
