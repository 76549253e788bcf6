//! What Python's half calls: the ways in.

mod router;

mod twin;

mod serving;

mod submit;

mod unwait;

mod guest;

mod iterate;

mod step;

mod put;

mod errand;

mod submit_step;

mod closing;

pub(crate) use self::errand::{ask_caller, caller_here};
pub(crate) use self::guest::{guest_core, run_as_guest};
pub(crate) use self::iterate::Items;
pub(crate) use self::submit::bring_back;
pub(crate) use self::twin::TwinFunction;
