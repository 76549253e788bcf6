//! Which thread this is, to the kernel.

/// Whether the calling thread is the one that the process began with: not known.
pub(crate) fn is_first() -> Option<bool> {
    None
}
