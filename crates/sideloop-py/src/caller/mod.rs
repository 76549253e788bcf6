//! The caller's side of a call: it makes the call, sends it or drives the loop itself, and waits.

mod run;

mod nesting;

mod importing;

mod waiting;

mod gone;

mod driving;

mod outlast;

mod report;

pub(crate) use self::importing::prepare;
pub(crate) use self::outlast::outlast;
pub(crate) use self::run::{Run, run, wait_for};
