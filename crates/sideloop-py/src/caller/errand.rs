//! The caller's side of errands: run what the call asks of the thread that waits for it.
//!
//! An errand runs where its caller stands, as if the caller's own code had called it in the place of the call. What
//! a signal handler raises meanwhile is the caller's, as anywhere in its wait, and what is thrown into a greenlet;
//! whatever else comes out of an errand goes to who awaits it, exits included.

use pyo3::exceptions::{PyException, PyGeneratorExit, PyRuntimeError};
use pyo3::prelude::*;

use super::pause::waits_in_hubs;
use crate::model::{Call, Drive, Errand, turn_for};
use crate::policy::errors::name_of;
use crate::policy::interrupt::{Whose, whose_signal};
use crate::policy::outcome::{Outcome, is_cancelled, is_exit};
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
    let Some(ask) = inside.begin(py) else { return Ok(()) };
    let sync_fn = ask.sync_fn.bind(py);
    let run = || sync_fn.call(ask.args.bind(py), Some(ask.kwargs.bind(py)));
    let ran = context::enter(ask.context.bind(py), run);
    let ended = match ran {
        Ok(value) => Ok(Outcome::Value(value.unbind())),
        Err(error) => match whose(py, error) {
            Whose::Codes(error) => Ok(Outcome::errand_error(py, error)),
            Whose::Interrupts(error) => Err(error),
        },
    };
    let told = match ended {
        Ok(outcome) => {
            inside.end(py, outcome);
            Ok(())
        }
        Err(interrupt) => {
            let cut_off = PyRuntimeError::new_err(format!(
                "{} was cut off by what has interrupted its caller, who has got that",
                name_of(sync_fn),
            ));
            cut_off.set_cause(py, Some(interrupt.clone_ref(py)));
            inside.cut_off(py, cut_off);
            call.get().keep_cut_off(errand);
            Err(interrupt)
        }
    };
    // What it was given is dropped on the thread for which it was made.
    drop(ask);
    told.and_then(|()| tell(call, errand))
}

/// Whose it is what an errand has raised.
fn whose(py: Python<'_>, error: PyErr) -> Whose {
    if waits_in_hubs() && is_thrown(py, &error) {
        Whose::Interrupts(error)
    } else {
        whose_signal(py, error)
    }
}

/// Whether it was thrown into this greenlet: it is killed, or a time limit of its hub's is over.
///
/// Told by the class: these are no `Exception`s. By the place where it was raised it cannot be told, which is that of a
/// socket's time limit as well.
fn is_thrown(py: Python<'_>, error: &PyErr) -> bool {
    !error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyGeneratorExit>(py)
        && !is_exit(py, error)
        && !is_cancelled(error.value(py))
}

/// Have the loop tell who awaits it.
fn tell(call: &Bound<'_, Call>, errand: &Bound<'_, Errand>) -> PyResult<()> {
    if errand.get().is_inherited() && !turns_its_loop(call) {
        // The parent's loop awaits it, in the parent.
        return Ok(());
    }
    tell_loop(call.py(), &errand.get().event_loop, errand.as_any())
}

/// Whether the thread that runs errands turns the loop, too: it is there in a fork's child.
fn turns_its_loop(call: &Bound<'_, Call>) -> bool {
    let (py, inside) = (call.py(), call.get());
    matches!(inside.runner(py).get().drive, Drive::Caller(_)) || inside.is_heard_of_by_future(py)
}

/// What was cut off is told to who awaits it: to be called when the call has been asked to stop.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(super) fn tell_cut_off(call: &Bound<'_, Call>) -> PyResult<()> {
    let py = call.py();
    let mut interrupted = Ok(());
    for errand in call.get().take_cut_off(py) {
        interrupted = interrupted.and(tell(call, errand.bind(py)));
    }
    interrupted
}

/// The caller waits no longer: who awaits an errand that has not begun asks again.
///
/// # Errors
/// What a signal handler raises meanwhile.
pub(super) fn refuse(call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (call.py(), call.get());
    let mut interrupted = tell_cut_off(call);
    while let Some(errand) = inside.take_errand(py) {
        let Some(ask) = errand.get().refuse(py) else { continue };
        drop(ask);
        interrupted = interrupted.and(tell(call, &errand));
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

    /// Run what there is. To nested calls the loop stands still meanwhile, as it does.
    fn run_errands(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, call) = (slf.py(), slf.get());
        let before = turn_for(py, Some(call.runner(py).clone()));
        let mut served = Ok(());
        while served.is_ok() && call.has_errand(py) {
            served = serve(slf);
        }
        drop(turn_for(py, before));
        served
    }

    /// The call has been asked to stop, as what has cut its errand off has it.
    #[pyo3(name = "tell_cut_off")]
    fn tell_cut_off_python(slf: &Bound<'_, Self>) -> PyResult<()> {
        tell_cut_off(slf)
    }

    /// Nobody runs any more.
    fn refuse_errands(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().serve_no_more();
        if slf.get().has_had_errands(slf.py()) { refuse(slf) } else { Ok(()) }
    }
}
