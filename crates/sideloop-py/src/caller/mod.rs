//! The caller's side of a call: it makes the call, sends it or drives the loop itself, and waits.

mod run;

mod nesting;

mod importing;

mod waiting;

mod errand;

mod gone;

mod suspended;

mod stopping;

mod aside;

mod as_driver;

mod driving;

mod pause;

mod latch;

mod making;

mod outlast;

mod report;

pub(crate) use self::as_driver::{AsDriver, end_own};
pub(crate) use self::aside::PutAside;
pub(crate) use self::importing::prepare;
pub(crate) use self::latch::Latch;
pub(crate) use self::making::Making;
pub(crate) use self::nesting::NestedWait;
pub(crate) use self::nesting::check_runs_elsewhere;
pub(crate) use self::outlast::{Outlasted, outlast};
pub(crate) use self::pause::wait_in_hubs;
pub(crate) use self::run::{Run, run, wait_for};
pub(crate) use self::stopping::{stop, stop_awaited};
pub(crate) use self::suspended::{resume_task, suspend_task};
