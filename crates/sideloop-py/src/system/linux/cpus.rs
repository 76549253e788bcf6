//! Which CPUs a thread may run on, and which one it does.

/// The CPU that the calling thread runs on.
pub(crate) fn current() -> Option<usize> {
    Some(rustix::thread::sched_getcpu())
}

/// How many CPUs the calling thread may run on.
pub(crate) fn usable() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |cpus| cpus.count() as usize)
}
