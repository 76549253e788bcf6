//! The fork generation: a number that grows in a fork's child, so that what was inherited is known.
//!
//! Does not work: comparing process ids. They recycle, and `getpid` is a system call on each check.

use std::sync::atomic::{AtomicU32, Ordering};

// ORDERING: Relaxed throughout. The only writer is the child's single thread, before it runs
// anything else; threads started later see it through their creation.
static CURRENT: AtomicU32 = AtomicU32::new(0);

/// The generation this process is in.
#[must_use]
pub fn current() -> u32 {
    CURRENT.load(Ordering::Relaxed)
}

/// Enter the next generation. To be called in a fork's child before anything else runs there:
/// async-signal-safe, as `pthread_atfork` asks.
pub fn advance() {
    CURRENT.fetch_add(1, Ordering::Relaxed);
}
