//! What differs by system, in a file for each, behind the same names: what wakes a loop thread without the
//! interpreter, what it waits with, its clock, where threads sit, which of them is the first, sockets, pipes, and forks.
//! Nothing outside of this folder asks which system it is.
//!
//! Where there is no epoll, `Bell`, `Poller` and `Socket` are types without values. What would hear a bell then asks
//! the loop's own selector, in Python, whoever would ring one has the loop's `call_soon_threadsafe` do it, and the
//! transports are asyncio's.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use self::linux::{bell, clock, cpus, pipe, poller, socket, thread};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::elsewhere::{bell, clock, cpus, pipe, poller, socket, thread};

pub(crate) mod fork;

/// The bits of `selectors`, for what a file is watched and ready.
pub(crate) const EVENT_READ: u32 = 1;
pub(crate) const EVENT_WRITE: u32 = 2;

/// How often the kernel is to tell of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// As long as there is something, as `selectors` has it.
    Always,
    /// Until it has told.
    Once,
}
