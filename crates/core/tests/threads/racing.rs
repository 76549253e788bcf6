//! How the threads are made to meet, and what they must not race for.

use std::cell::UnsafeCell;
use std::sync::Barrier;
use std::thread;

/// Varies who comes first: a xorshift generator, spent in pauses.
pub(crate) struct Jitter(pub(crate) u32);

impl Jitter {
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }

    pub(crate) fn pause(&mut self) {
        match self.below(64) {
            0 => thread::yield_now(),
            pauses => (0..pauses).for_each(|_| std::hint::spin_loop()),
        }
    }
}

/// A call's outcome, in plain memory.
pub(crate) struct Slot(UnsafeCell<u32>);

// SAFETY: the part under test decides who may touch it: the loop thread before it completes, the
// caller once it has seen the end. ThreadSanitizer checks that this is so.
unsafe impl Sync for Slot {}

impl Slot {
    pub(crate) fn empty() -> Self {
        Self(UnsafeCell::new(0))
    }

    /// On the loop thread, before it completes.
    pub(crate) fn store(&self, outcome: u32) {
        // SAFETY: exclusive: the caller reads only after the end, which comes after this.
        unsafe { *self.0.get() = outcome }
    }

    /// On the caller's thread, once it has seen the end.
    pub(crate) fn load(&self) -> u32 {
        // SAFETY: the loop thread wrote before the end and does not write after it.
        unsafe { *self.0.get() }
    }
}

/// Calls in one go.
const SIDE_BY_SIDE: u32 = 64;

/// Make calls of two ends; while another thread goes through the loop thread's ends with `serve`, go
/// through the callers' with `wait`; then `check` each pair of what they found.
pub(crate) fn side_by_side<L: Send, C, Served: Send, Waited>(
    rounds: u32,
    new: impl Fn() -> (L, C),
    serve: impl Fn(L) -> Served + Sync,
    wait: impl Fn(&C, &mut Jitter) -> Waited,
    check: impl Fn(Served, Waited),
) {
    for round in 0..rounds.div_ceil(SIDE_BY_SIDE) {
        let (to_serve, callers): (Vec<L>, Vec<C>) = (0..SIDE_BY_SIDE).map(|_| new()).unzip();
        let start = Barrier::new(2);
        let (served, waited) = thread::scope(|scope| {
            let loop_thread = scope.spawn(|| {
                let mut jitter = Jitter(2 * round + 1);
                let serve = |end| {
                    jitter.pause();
                    serve(end)
                };
                start.wait();
                to_serve.into_iter().map(serve).collect::<Vec<Served>>()
            });
            let mut jitter = Jitter(2 * round + 2);
            let wait = |caller| {
                jitter.pause();
                wait(caller, &mut jitter)
            };
            start.wait();
            let waited = callers.iter().map(wait).collect::<Vec<Waited>>();
            (loop_thread.join().expect("the loop thread ends"), waited)
        });
        for (served, waited) in served.into_iter().zip(waited) {
            check(served, waited);
        }
    }
}
