//! What both faces of sideloop share, in the order a call meets it. No dependencies, no unsafe code.
#![forbid(unsafe_code)]

pub mod generation;

pub mod entry;

pub mod stop;

pub mod phase;

pub mod host;

pub mod spin;

pub mod turns;

pub mod handoff;

pub mod bell;

pub mod held;

pub mod opening;

mod sync;
