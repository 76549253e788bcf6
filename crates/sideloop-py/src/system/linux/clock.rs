//! The system's clock.

/// Whether `monotonic` is what Python's says.
pub(crate) const IS_PYTHONS: bool = true;

/// `time.monotonic()`, computed as CPython does, so that both agree to the last bit.
pub(crate) fn monotonic() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // Seconds alone are exact; else CPython divides the nanoseconds.
    if now.tv_nsec == 0 {
        now.tv_sec as f64
    } else {
        (now.tv_sec * 1_000_000_000 + now.tv_nsec) as f64 / 1e9
    }
}
