//! The loop's side of a call: what its thread does with the messages that have come in.

pub(crate) mod start;

pub(crate) mod cancel;

mod drain;

mod errand;

pub(crate) mod unwind;
