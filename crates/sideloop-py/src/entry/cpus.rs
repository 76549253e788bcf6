//! How many CPUs the two ends of a hand-off have.

use std::sync::atomic::{AtomicUsize, Ordering};

use sideloop_core::spin::Cpus;

use crate::system::cpus;

/// The affinity is asked for anew after this many looks: a process may be pinned while it runs.
const LOOKS: usize = 64;

static LOOKED: AtomicUsize = AtomicUsize::new(0);
static USABLE: AtomicUsize = AtomicUsize::new(1);

/// The number of CPUs that the calling thread may run on, at most 64 looks old.
fn usable() -> usize {
    // ORDERING: Relaxed: numbers on their own, and advice only. Nor is it an addition at once, which costs as much as a
    // lock: two threads that count one look do no harm.
    let looked = LOOKED.load(Ordering::Relaxed);
    LOOKED.store(looked.wrapping_add(1), Ordering::Relaxed);
    if looked.is_multiple_of(LOOKS) {
        USABLE.store(cpus::usable(), Ordering::Relaxed);
    }
    USABLE.load(Ordering::Relaxed)
}

/// The CPU on which one end was when it last waited.
pub(crate) struct Seat(AtomicUsize);

impl Seat {
    const UNKNOWN: usize = usize::MAX;

    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(Self::UNKNOWN))
    }

    /// Take the calling thread's CPU down here, and say which it has together with the other end.
    ///
    /// Two threads that are each pinned to a CPU of their own are apart, whatever each may use. What both write to
    /// (`usable` counts there) is left alone while they are apart: it would travel from one CPU to the other for each look.
    pub(crate) fn take(&self, other: &Self) -> Cpus {
        let own = cpus::current().unwrap_or(Self::UNKNOWN);
        let other = other.0.load(Ordering::Relaxed);
        // ORDERING: Relaxed: as above.
        self.0.store(own, Ordering::Relaxed);
        if own == Self::UNKNOWN || other == Self::UNKNOWN {
            Cpus::of(usable())
        } else if own != other {
            Cpus::Apart
        } else if usable() > 1 {
            Cpus::Shared
        } else {
            Cpus::One
        }
    }
}
