//! The caller's side of errands: run what the call asks of the thread that waits for it.
//!
//! An errand runs where its caller stands, as if the caller's own code had called it in the place of the call. What
//! a signal handler raises meanwhile is the caller's, as anywhere in its wait; whatever else comes out of an errand
//! goes to who awaits it, exits included.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::model::{Call, Drive, Errand};
use crate::policy::chain::after;
use crate::policy::errors::name_of;
use crate::policy::interrupt::is_of_a_signal;
use crate::policy::outcome::Outcome;
use crate::python::context;
use crate::send::tell_loop;

/// Run what a call has asked for first. Whoever waits looks between two of them what else there is.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(super) fn serve(call: &Bound<'_, Call>) -> PyResult<()> {
    match call.get().take_errand(call.py()) {
        Some(errand) => run(call, &errand),
        None => Ok(()),
    }
}

fn run(call: &Bound<'_, Call>, errand: &Bound<'_, Errand>) -> PyResult<()> {
    let (py, inside) = (call.py(), errand.get());
    if inside.is_given_up(py) {
        return Ok(());
    }
    let Some(task) = inside.begin(py) else { return Ok(()) };
    let sync_fn = task.sync_fn.bind(py);
    let run = || sync_fn.call(task.args.bind(py), Some(task.kwargs.bind(py)));
    let ran = context::enter(task.context.bind(py), run);
    let interrupt = match ran {
        Ok(value) => {
            inside.end(py, Outcome::Value(value.unbind()));
            None
        }
        Err(error) if is_of_a_signal(py, &error) => {
            let cut_off = PyRuntimeError::new_err(format!(
                "{} was cut off by a signal handler, whose exception its caller has got",
                name_of(sync_fn),
            ));
            cut_off.set_cause(py, Some(error.clone_ref(py)));
            inside.end(py, Outcome::Error(cut_off));
            Some(error)
        }
        Err(error) => {
            inside.end(py, Outcome::errand_error(py, error));
            None
        }
    };
    // What it was given is dropped on the thread for which it was made.
    drop(task);
    let told = match &interrupt {
        // It is cancelled next, and twice would cut its cleanup off.
        Some(_) if inside.by_own_task && !call.get().is_cancelling() => Ok(()),
        // The parent's loop awaits it, in the parent.
        _ if inside.is_inherited() && !is_driven(call) => Ok(()),
        _ => tell_loop(py, &inside.event_loop, errand.as_any()),
    };
    match (interrupt, told) {
        (None, told) => told,
        (Some(error), Ok(())) => Err(error),
        (Some(error), Err(later)) => Err(after(py, later, error)),
    }
}

fn is_driven(call: &Bound<'_, Call>) -> bool {
    matches!(call.get().runner(call.py()).get().drive, Drive::Caller(_))
}

/// The caller waits no longer: who awaits an errand that has not begun asks again.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(super) fn refuse(call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (call.py(), call.get());
    let mut interrupted = Ok(());
    while let Some(errand) = inside.take_errand(py) {
        let Some(task) = errand.get().refuse(py) else { continue };
        drop(task);
        if errand.get().is_inherited() && !is_driven(call) {
            continue;
        }
        let told = tell_loop(py, &errand.get().event_loop, errand.as_any());
        interrupted = interrupted.and(told);
    }
    interrupted
}

/// For who turns a loop in Python, and waits for a future.
#[pymethods]
impl Call {
    /// Whoever waits for the call runs errands, and hears of each by `hears()`, on the loop.
    #[pyo3(name = "hear_of_errands_by")]
    fn hear_of_errands_by_python(&self, py: Python<'_>, hears: Py<PyAny>) {
        self.hear_of_errands_by(hears, py);
    }

    /// Run what there is.
    fn run_errands(slf: &Bound<'_, Self>) -> PyResult<()> {
        while slf.get().has_errand(slf.py()) {
            serve(slf)?;
        }
        Ok(())
    }

    /// Nobody runs any more.
    fn refuse_errands(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().serve_no_more();
        if slf.get().has_errands() { refuse(slf) } else { Ok(()) }
    }
}
