//! How many CPUs this process may use: with one, a spin only keeps the answer away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Looks between two questions: the answer may change while the process runs, and reads files.
const LOOKS: usize = 4096;

static LOOKED: AtomicUsize = AtomicUsize::new(0);
static USABLE: AtomicUsize = AtomicUsize::new(1);

/// The number of usable CPUs, at most 4,096 looks old.
pub(crate) fn usable() -> usize {
    // ORDERING: Relaxed: a number on its own, and advice only.
    if LOOKED.fetch_add(1, Ordering::Relaxed) % LOOKS == 0 {
        let usable = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        USABLE.store(usable, Ordering::Relaxed);
    }
    USABLE.load(Ordering::Relaxed)
}
