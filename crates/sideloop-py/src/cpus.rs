//! How many CPUs this process may use now.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The affinity is asked for anew after this many looks: a process may be pinned while it runs.
const LOOKS: usize = 64;

static LOOKED: AtomicUsize = AtomicUsize::new(0);
static USABLE: AtomicUsize = AtomicUsize::new(1);

/// The number of CPUs that the calling thread may run on, at most 64 looks old.
pub(crate) fn usable() -> usize {
    // ORDERING: Relaxed: a number on its own, and advice only.
    if LOOKED.fetch_add(1, Ordering::Relaxed) % LOOKS == 0 {
        USABLE.store(ask(), Ordering::Relaxed);
    }
    USABLE.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
fn ask() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |cpus| cpus.count() as usize)
}

#[cfg(not(target_os = "linux"))]
fn ask() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
