//! What a caller says of a call that takes long, or that it leaves behind.

use std::sync::atomic::Ordering;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::loop_side::unwind::ask_stop;
use crate::model::{Call, Drive, RunnerCore};

/// A caller left its task behind: a loop of a thread's that did not even hear it is stuck, and replaced.
pub(super) fn left_behind(call: &Bound<'_, Call>) {
    let (py, inside) = (call.py(), call.get());
    let runner = inside.runner(py);
    let loop_is = match &runner.get().drive {
        Drive::Thread if !inside.has_heard_cancel() => LoopIs::Stuck,
        Drive::Thread | Drive::Caller(_) | Drive::Other(_) => LoopIs::Well,
    };
    leave_loop_behind(runner, &inside.name(py), loop_is);
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
    fn leave_behind(slf: &Bound<'_, Self>, call: &str) {
        leave_loop_behind(slf, call, LoopIs::Stuck);
    }
}

/// Warn of a call that was left behind, and have its loop replaced if that is stuck.
fn leave_loop_behind(runner: &Bound<'_, RunnerCore>, call: &str, loop_is: LoopIs) {
    let (py, core) = (runner.py(), runner.get());
    let stuck = loop_is == LoopIs::Stuck;
    if stuck {
        core.stuck.store(true, Ordering::Relaxed);
        let _ = ask_stop(runner);
    }
    let warn = || -> PyResult<()> {
        let module = py.import("sideloop._base.errors")?;
        module.call_method1("warn_abandoned", (&core.name, call, stuck)).map(drop)
    };
    if let Err(error) = warn() {
        error.write_unraisable(py, Some(runner));
    }
}

/// Report, once, that a call takes long. Returns what a signal handler has raised meanwhile.
pub(super) fn report_slow(call: &Bound<'_, Call>) -> Option<PyErr> {
    let (py, inside) = (call.py(), call.get());
    let report = || -> PyResult<()> {
        let since = inside.submitted.elapsed().as_secs_f64();
        let core = inside.runner(py);
        let task = inside.task(py);
        let module = py.import("sideloop._inside.dump")?;
        module.call_method1("report_slow", (core, inside.name(py), task, since)).map(drop)
    };
    let error = report().err()?;
    if error.is_instance_of::<PyException>(py) {
        // A report that fails is no reason to give the call up.
        error.write_unraisable(py, Some(call));
        return None;
    }
    Some(error)
}
