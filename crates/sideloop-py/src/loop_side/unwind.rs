//! The end of a loop: it is asked to stop, or has left `run_forever`, and unwinds what is left.

use std::sync::atomic::Ordering;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::finish::{finish_all, refuse};
use crate::host;
use crate::model::{Drive, End, EndedBy, RunnerCore, turn_for};
use crate::python::names::names;
use crate::send::ring_attached;

#[pymethods]
impl RunnerCore {
    /// Let no call enter any more, send those back that were not started, and ask the loop to stop.
    fn ask_stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        ask_stop(slf)
    }

    /// The loop thread has left its loop: it unwinds what is left. `reason` is the exception that
    /// ended the loop, if one did.
    fn begin_unwinding(slf: &Bound<'_, Self>, reason: Option<Py<PyAny>>) {
        let core = slf.get();
        let by = if core.entry.is_stopping() {
            EndedBy::Us
        } else if core.served.load(Ordering::Relaxed) {
            EndedBy::User
        } else {
            EndedBy::Itself
        };
        let end = End { by, reason, told: false };
        // First, for who finds that no call enters any more, and asks why.
        core.set_end(end);
        refuse(slf);
        core.entry.left_loop();
    }

    /// The error for what is called `call`, which the end of the loop has cut off.
    fn cut_off_error<'py>(slf: &Bound<'py, Self>, call: String) -> Bound<'py, PyAny> {
        let (py, core) = (slf.py(), slf.get());
        let error = core.stopped_error(py, call);
        core.end_is_told();
        error.into_value(py).into_bound(py).into_any()
    }

    /// Whether this exception is the outcome of a call that runs here.
    fn is_outcome(slf: &Bound<'_, Self>, exception: &Bound<'_, PyAny>) -> PyResult<bool> {
        is_outcome(slf, exception)
    }

    /// The loop is over: whoever still waits gets an error. Runs last on the loop thread. Returns the exception
    /// that ended the loop, if no caller has got it.
    fn finish_all(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let (py, core) = (slf.py(), slf.get());
        refuse(slf);
        finish_all(slf);
        for host in core.take_hosts() {
            host::end(host.get(), py);
        }
        core.entry.publish();
        // The next thread may get this one's ident.
        core.loop_thread.store(0, Ordering::Relaxed);
        if let Drive::Thread = core.drive {
            drop(turn_for(py, None));
        }
        if let Some(own_loop) = &core.own_loop {
            own_loop.get().let_to(py, None);
        }
        core.untold_end(py)
    }
}

/// Let no call enter any more, send those back that were not started, and ask the loop to stop.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(crate) fn ask_stop(runner: &Bound<'_, RunnerCore>) -> PyResult<()> {
    let core = runner.get();
    refuse(runner);
    core.entry.ask_stop();
    core.entry.ring();
    ring_attached(runner)
}

/// Whether this exception is the outcome of a call that runs here: its task raised it, and the
/// loop let it through after storing it.
///
/// # Errors
/// What interrupts the question.
pub(crate) fn is_outcome(
    runner: &Bound<'_, RunnerCore>,
    exception: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let py = runner.py();
    if runner.get().has_told(exception) {
        return Ok(true);
    }
    let tasks: Vec<_> = runner
        .get()
        .running
        .with(py, |calls| calls.values().filter_map(|call| call.get().task(py)).collect());
    for task in tasks {
        match has_raised(&task, exception) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            // A task of the user's own class, that does not answer.
            Err(error) if error.is_instance_of::<PyException>(py) => {}
            Err(interrupt) => return Err(interrupt),
        }
    }
    Ok(false)
}

fn has_raised(task: &Bound<'_, PyAny>, exception: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = task.py();
    Ok(task.call_method0(names(py).done.bind(py))?.is_truthy()?
        && !task.call_method0(names(py).cancelled.bind(py))?.is_truthy()?
        && task.call_method0(names(py).get_exception.bind(py))?.is(exception))
}
