//! The bell: wakes one waiting thread, as often as it is rung.
//!
//! ```text
//!              wait()                    ring()
//!    Quiet ───────────────▶ Awaited ───────────────▶ Rung
//!     ▲ │  ◀───────────────    │                     ▲ │
//!     │ │    limit has come                          │ │
//!     │ └──────────────────────── ring() ────────────┘ │
//!     └──────────────── take(), or wait() returns ─────┘
//! ```
//!
//! Any thread may ring, also before the wait begins: the ring is kept, and many rings before a look
//! count as one. Only one thread waits: Quiet to Awaited and Rung to Quiet are its arrows alone.
//!
//! Unlike a hand-off, which tells once that an outcome is there, a bell outlives what it rings for, so
//! it serves as a waker: a late ring costs one look in vain, never a lost one.
//!
//! Does not work: `thread::park`. One token a thread, and a nested wait eats the outer one's wake-up.

use std::time::Instant;

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex, lock};

const QUIET: u8 = 0;
const AWAITED: u8 = 1;
const RUNG: u8 = 2;

/// What a wait for the bell ended with.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It rang, and is quiet again.
    Ring,
    /// The instant given has come first.
    Nothing,
}

/// A bell that many ring and one thread waits for.
pub struct Bell {
    state: AtomicU8,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Default for Bell {
    fn default() -> Self {
        Self { state: AtomicU8::new(QUIET), lock: Mutex::new(()), wake: Condvar::new() }
    }
}

impl Bell {
    /// Ring: the wait that goes on, or else the next one, ends.
    pub fn ring(&self) {
        // ORDERING: Release pairs with the Acquire in `take`: what was written before the ring is seen
        // after it. A swap, also of Rung for Rung, so that the rings before stay in that chain.
        if self.state.swap(RUNG, Ordering::AcqRel) == AWAITED {
            // The waiter checks the state under this lock and then waits: taking it once means that
            // it either has not checked yet (and will see Rung) or already waits.
            drop(lock(&self.lock));
            self.wake.notify_one();
        }
    }

    /// Whether it rang. Leaves the ring for `take` or `wait`.
    #[must_use]
    pub fn has_rung(&self) -> bool {
        self.state.load(Ordering::Relaxed) == RUNG
    }

    /// Whether it rang since the last look, and if so make it quiet.
    #[must_use]
    pub fn take(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `ring`.
        self.state.compare_exchange(RUNG, QUIET, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Block this thread until the bell rings, or until `limit`.
    pub fn wait(&self, limit: Option<Instant>) -> Heard {
        // ORDERING: Relaxed: nothing is published, and a failure means Rung, which `take` acquires.
        let _ = self.state.compare_exchange(QUIET, AWAITED, Ordering::Relaxed, Ordering::Relaxed);
        let mut guard = lock(&self.lock);
        loop {
            if self.take() {
                return Heard::Ring;
            }
            guard = match limit {
                None => self.wake.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner()),
                Some(limit) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return self.leave();
                    }
                    let (guard, _) = self
                        .wake
                        .wait_timeout(guard, left)
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    guard
                }
            };
        }
    }

    /// Stop waiting: the next ring finds nobody to wake.
    fn leave(&self) -> Heard {
        // ORDERING: Relaxed, as on entering; a failure means that it rang just now.
        match self.state.compare_exchange(AWAITED, QUIET, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Heard::Nothing,
            Err(_) if self.take() => Heard::Ring,
            Err(_) => Heard::Nothing,
        }
    }
}
