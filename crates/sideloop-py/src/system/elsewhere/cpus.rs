//! Which CPUs a thread may run on.

use std::num::NonZero;

/// The CPU that the calling thread runs on: not known.
pub(crate) fn current() -> Option<usize> {
    None
}

/// How many CPUs the calling thread may run on.
pub(crate) fn usable() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
