//! What a caller says of a call that takes long, or that it leaves behind.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;

use crate::loop_side::unwind::ask_stop;
use crate::model::{Call, Drive, RunnerCore};

/// A caller left its task behind: a loop of a thread's that did not even hear it is stuck, and replaced.
///
/// # Errors
/// As `report_slow`.
pub(super) fn left_behind(call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (call.py(), call.get());
    let runner = inside.runner(py);
    let loop_is = match &runner.get().drive {
        Drive::Thread if !inside.has_heard_cancel() => LoopIs::Stuck,
        Drive::Thread | Drive::Caller(_) | Drive::Other(_) => LoopIs::Well,
    };
    leave_loop_behind(runner, &inside.name(py), loop_is)
}

/// How the loop is that a call was left behind on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoopIs {
    /// It hears of cancellations.
    Well,
    /// It is blocked.
    Stuck,
}

#[pymethods]
impl RunnerCore {
    /// The loop did not hear for the grace that `call` is to stop: it is stuck, and replaced.
    fn leave_behind(slf: &Bound<'_, Self>, call: &str) -> PyResult<()> {
        leave_loop_behind(slf, call, LoopIs::Stuck)
    }
}

/// Warn of a call that was left behind, and have its loop replaced if that is stuck.
fn leave_loop_behind(runner: &Bound<'_, RunnerCore>, call: &str, loop_is: LoopIs) -> PyResult<()> {
    let (py, core) = (runner.py(), runner.get());
    let stuck = loop_is == LoopIs::Stuck;
    let mut asked = Ok(());
    if stuck {
        core.stuck.store(true, Ordering::Relaxed);
        asked = ask_stop(runner);
    }
    let module = py.import("sideloop._base.errors")?;
    let warned = module.call_method1("warn_abandoned", (core.name(py), call, stuck));
    asked.and(warned.map(drop))
}

/// Report, once, that a call takes long.
///
/// # Errors
/// What a handler of the log raises, or one of a signal's meanwhile: nobody can tell which it was.
pub(super) fn report_slow(call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (call.py(), call.get());
    let since = inside.submitted.elapsed().as_secs_f64();
    let core = inside.runner(py);
    let task = inside.task(py);
    let module = py.import("sideloop._inside.dump")?;
    module.call_method1("report_slow", (core, inside.name(py), task, since)).map(drop)
}
