//! What is run in a fork's child, where there are forks.

use std::io;

/// Have `handler` run in each child that this process, or a child of it, will have.
///
/// # Errors
/// There is no memory for it.
///
/// # Safety
/// It is async-signal-safe, as atomic additions and stores are.
#[cfg(unix)]
pub(crate) unsafe fn in_child(handler: extern "C" fn()) -> io::Result<()> {
    // SAFETY:
    // - `handler` is async-signal-safe, by the caller's word;
    // - it stays valid: CPython never unloads an extension module.
    match unsafe { libc::pthread_atfork(None, None, Some(handler)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// There are none.
///
/// # Errors
/// Never.
///
/// # Safety
/// None is asked for.
#[cfg(not(unix))]
pub(crate) unsafe fn in_child(_handler: extern "C" fn()) -> io::Result<()> {
    Ok(())
}
