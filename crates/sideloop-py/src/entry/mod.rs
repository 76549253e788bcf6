//! The entry of a loop: what is on its way in, and who wakes whom.

mod queue;

mod bell;

mod cpus;

pub(crate) use self::bell::{Bell, do_without_bells};
pub(crate) use self::queue::Entry;
