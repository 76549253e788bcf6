//! Which thread this is, to the kernel.

/// Whether the calling thread is the one that the process began with.
pub(crate) fn is_first() -> Option<bool> {
    Some(rustix::thread::gettid() == rustix::process::getpid())
}
