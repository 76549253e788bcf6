//! Know a fork's child.
#![cfg_attr(unix, expect(unsafe_code, reason = "no safe crate has pthread_atfork"))]

use std::io;

/// Advance the generation in each child that this process, or a child of it, will have.
#[cfg(unix)]
pub(crate) fn watch() -> io::Result<()> {
    use std::sync::atomic::{AtomicBool, Ordering};

    // Not a `Once`: a fork while another thread is inside would leave the child waiting. Two threads
    // may both register; then a child advances by two, which is as good.
    // ORDERING: Relaxed: whoever sees it set has nothing to read.
    static WATCHED: AtomicBool = AtomicBool::new(false);

    extern "C" fn in_child() {
        sideloop_core::generation::advance();
    }

    if WATCHED.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY:
    // - `in_child` is async-signal-safe: one atomic addition;
    // - it stays valid: a library that is unloaded takes the handlers it registered with it.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => {
            WATCHED.store(true, Ordering::Relaxed);
            Ok(())
        }
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// There is no fork here.
#[cfg(not(unix))]
pub(crate) fn watch() -> io::Result<()> {
    Ok(())
}
