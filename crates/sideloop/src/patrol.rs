//! A waiting caller sees that somebody minds the timers and the I/O.
//!
//! tokio's workers take turns at the driver: the one that sleeps there wakes with what is due, and runs it. If
//! that blocks, the others sleep beside the driver, not at it, and nothing is due any more until it
//! returns. Who waits long looks whether a worker is busy without end while another one sleeps, and wakes
//! that one, which then goes to the driver.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How long between two looks: a timer may be late by so much if a task blocks its thread.
const ROUND: Duration = Duration::from_millis(50);

/// What was seen on the last look.
pub(crate) struct Patrol {
    next: Instant,
    /// The sum of how often each worker has gone to sleep and woken.
    naps: Option<u64>,
}

impl Patrol {
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() + ROUND, naps: None }
    }

    /// When to look next.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// If it is time, look, and wake a worker if need be.
    #[cfg(target_has_atomic = "64")]
    pub(crate) fn walk(&mut self, runtime: &Handle) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + ROUND;
        let metrics = runtime.metrics();
        let naps = |worker| metrics.worker_park_unpark_count(worker);
        let workers = || (0..metrics.num_workers()).map(naps);
        let (all, asleep) = (workers().sum(), workers().filter(|naps| naps % 2 == 1).count());
        let still = self.naps.replace(all) == Some(all);
        if still && asleep > 0 && asleep < metrics.num_workers() {
            drop(runtime.spawn(async {}));
        }
    }

    /// tokio does not count that here.
    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) fn walk(&mut self, _: &Handle) {
        self.next = Instant::now() + ROUND;
    }
}
