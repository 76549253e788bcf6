//! The system's clock.

use std::sync::OnceLock;
use std::time::Instant;

/// Which of a system's clocks CPython reads, and how, is not known here: a loop asks it for the time.
pub(crate) const IS_PYTHONS: bool = false;

/// Seconds since the first look at it.
pub(crate) fn monotonic() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}
