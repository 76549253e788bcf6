//! Know a fork's child.
#![expect(unsafe_code, reason = "no safe crate has pthread_atfork")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use sideloop_core::generation;

use crate::waker;

/// What std gives a thread.
const STDS: usize = 2 << 20;
/// More than any page size.
const STEP: usize = 256 << 10;

/// Advance the generation in each child that this process, or a child of it, will have.
pub(crate) fn watch() -> io::Result<()> {
    // Not a `Once`: a fork while another thread is inside would leave the child waiting. Two threads
    // may both register; then a child advances by two, which is as good.
    // ORDERING: Relaxed: whoever sees it set has nothing to read.
    static WATCHED: AtomicBool = AtomicBool::new(false);

    extern "C" fn in_child() {
        generation::advance();
        waker::forget_turns();
    }

    if WATCHED.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: `in_child` is async-signal-safe: an atomic addition and an atomic store.
    unsafe { run_in_children(in_child)? };
    WATCHED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Have `handler` run in each of those children.
///
/// # Safety
/// It is async-signal-safe.
#[cfg(unix)]
unsafe fn run_in_children(handler: extern "C" fn()) -> io::Result<()> {
    // SAFETY:
    // - `handler` is async-signal-safe, by the caller's word;
    // - it stays valid: a library that is unloaded takes the handlers it registered with it.
    match unsafe { libc::pthread_atfork(None, None, Some(handler)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// There is no fork here.
///
/// # Safety
/// None is asked for.
#[cfg(not(unix))]
unsafe fn run_in_children(_handler: extern "C" fn()) -> io::Result<()> {
    Ok(())
}

/// How large the stacks of a runner's threads are to be, in bytes, if it is not left to std.
///
/// In a fork's child they are larger than any that its parent had. The C library gives the stacks of the
/// threads that are no more to new ones, and with them the thread-locals that lie there; but parking_lot,
/// which tokio uses if any crate asks for it, still counts those that slept at the fork, and follows pointers
/// into their thread-locals.
pub(crate) fn stack_size(asked: Option<usize>) -> Option<usize> {
    match usize::try_from(generation::current()) {
        Ok(0) | Err(_) => asked,
        Ok(generation) => {
            Some(asked.unwrap_or(STDS).saturating_add(STEP.saturating_mul(generation)))
        }
    }
}
