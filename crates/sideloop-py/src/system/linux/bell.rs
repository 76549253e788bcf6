//! What is rung without the interpreter: an eventfd.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// None is made any more.
// ORDERING: Relaxed: written while the package is imported, before a loop is made.
static DONE_WITHOUT: AtomicBool = AtomicBool::new(false);

/// Do from here on as systems do that have no bell.
pub(crate) fn do_without() {
    DONE_WITHOUT.store(true, Ordering::Relaxed);
}

/// An eventfd.
pub(crate) struct Bell(OwnedFd);

impl Bell {
    /// A new one, if this system has any.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn new() -> io::Result<Option<Self>> {
        if DONE_WITHOUT.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Some(Self(fd)))
    }

    pub(crate) fn ring(&self) {
        // It can fail only when 2^64 rings were not heard; then one is pending anyway.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Take back what was rung.
    pub(crate) fn hush(&self) {
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }

    /// The descriptor that can be read once it was rung.
    pub(crate) fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    pub(super) fn file(&self) -> &OwnedFd {
        &self.0
    }
}
