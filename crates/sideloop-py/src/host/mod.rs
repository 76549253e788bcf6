//! The host at work: the one task in which all steps of an iterator or a context manager run.
//!
//! `model::Host` has its state.

mod arrive;

mod step_in;

mod advance;

mod attend;

mod future;

mod end;

mod looking;

pub(crate) use self::arrive::{arrive, refill};
pub(crate) use self::end::end;
