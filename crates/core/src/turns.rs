//! Turns to spin: no more waiting threads at once than there are CPUs to spare.
//!
//! Who spins keeps a CPU and hears at once; who parks has to wait for one. Of more callers than CPUs, those that
//! happened to spin would go on to win, and the others to lose: the slowest of 16 made a quarter of the calls of the
//! fastest (`crates/sideloop/benches/threads.rs`). So a spin takes a turn, and one that is refused tells of a
//! crowd: for a while, nobody spins.

use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How many waits go without a spin once there was a crowd.
const CROWD: u32 = 1024;

/// The turns of one process.
pub struct Turns {
    taken: AtomicUsize,
    crowd: AtomicU32,
}

// ORDERING: Relaxed throughout: numbers on their own, and advice only. Of two that count the crowd down at once,
// one may be lost.
impl Turns {
    /// None is taken.
    #[cfg(not(loom))]
    #[expect(clippy::new_without_default, reason = "for a static")]
    #[must_use]
    pub const fn new() -> Self {
        Self { taken: AtomicUsize::new(0), crowd: AtomicU32::new(0) }
    }

    /// A turn, to be dropped after the spin, if fewer than `at_once` are taken.
    pub fn take(&self, at_once: usize) -> Option<Turn<'_>> {
        let crowd = self.crowd.load(Ordering::Relaxed);
        if crowd > 0 {
            self.crowd.store(crowd - 1, Ordering::Relaxed);
            return None;
        }
        let turn = Turn(self);
        if self.taken.fetch_add(1, Ordering::Relaxed) < at_once {
            Some(turn)
        } else {
            self.crowd.store(CROWD, Ordering::Relaxed);
            None
        }
    }

    /// In a fork's child: the threads that had taken turns are not here. Async-signal-safe.
    pub fn forget(&self) {
        self.taken.store(0, Ordering::Relaxed);
    }
}

/// A turn to spin; dropped when the spin is over.
#[must_use]
pub struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
