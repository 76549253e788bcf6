//! The host at work: the one task in which all steps of an iterator or a context manager run.
//!
//! `model::Host` has its states.

mod advance;

mod attend;

mod arrive;

pub(crate) use self::advance::{end, take_last};
pub(crate) use self::arrive::arrive;
