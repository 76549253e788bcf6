//! A step comes in: the loop thread's side of it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use sideloop_core::host::{Arrive, Made, Refill, Wish};

use super::end::{answer_of, settle};
use super::looking::look_again;
use super::step_in::{step_in, wake_soon};
use crate::finish::finish;
use crate::model::{Asked, Call, Host, State, Step};
use crate::policy::errors::name_of;
use crate::policy::outcome::Outcome;
use crate::python::coroutine::close_coroutine;
use crate::python::inside::{enter_in, is_in_use};
use crate::python::names::names;
use crate::tasks::TaskMaker;

/// A step has come in.
///
/// # Errors
/// What waking the task raises, or cancelling it.
pub(crate) fn arrive(
    host: &Bound<'_, Host>,
    tasks: &TaskMaker,
    call: &Bound<'_, Call>,
    step: Step,
) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    if let Some(task) = inside.task.get() {
        call.get().set_task(task.bind(py).clone());
    }
    let kind = step.kind;
    let wish = Wish { call: Asked(call.clone().unbind()), kind, work: step.todo };
    if inside.reads_ahead {
        // In a later turn of the loop, as callbacks of futures.
        look_again(inside, py);
    }
    match inside.with(py, |state| state.arrive(wish)) {
        Arrive::Make => {
            make(host, tasks, call);
            Ok(())
        }
        Arrive::StepIn => step_in(host, tasks),
        Arrive::Queued => Ok(()),
        Arrive::Cancel => match inside.task.get() {
            Some(task) => task.call_method0(py, "cancel").map(drop),
            None => Ok(()),
        },
        Arrive::Tell(asked, kept) => {
            finish(asked.0.bind(py), inside.explained(py, kept.outcome(py)));
            refill(host)
        }
        Arrive::LeftBehind(asked, todo) => {
            drop(todo);
            let error = PyRuntimeError::new_err(format!(
                "a step of {} that was left behind still runs",
                name_of(inside.async_fn.bind(py))
            ));
            finish(asked.0.bind(py), Outcome::Error(error));
            Ok(())
        }
        Arrive::Over(wish, left) => {
            finish(wish.call.0.bind(py), inside.explained(py, answer_of(py, left, kind)));
            Ok(())
        }
    }
}

/// Have more items made, if few are left.
///
/// # Errors
/// What waking the task raises.
pub(crate) fn refill(host: &Bound<'_, Host>) -> PyResult<()> {
    match host.get().with(host.py(), State::refill) {
        Refill::Nothing => Ok(()),
        Refill::WakeSoon(wake) => wake_soon(host, wake),
    }
}

/// Make the task. If that fails, whoever asked for the first step gets the error, and the next one tries again.
fn make(host: &Bound<'_, Host>, tasks: &TaskMaker, call: &Bound<'_, Call>) {
    let (py, inside) = (host.py(), host.get());
    let runner = call.get().runner(py);
    let _ = inside.core.set(runner.clone().unbind());
    let Err(error) = try_make(host, tasks, call) else {
        match inside.with(py, |state| state.made()) {
            Made::Runs => runner.get().keep_host(host),
            // A task factory has run all of it.
            Made::Ended => {}
        }
        return;
    };
    // A task that is there, and of whose end we would not hear, finds that it is over.
    let made = inside.task.get().is_some();
    let rest = inside.with(py, if made { State::end } else { State::not_made });
    let wake = settle(inside, py, rest, |_| Outcome::error(py, error.clone_ref(py)));
    drop(wake);
}

fn try_make(host: &Bound<'_, Host>, tasks: &TaskMaker, call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let context = inside.context().map(|context| context.bind(py));
    let context = context.ok_or_else(|| PyRuntimeError::new_err("no step has begun yet"))?;
    // What the steps make asks the caller of the one that runs then.
    if is_in_use() && !inside.is_in_kept_context(py) {
        enter_in(context, host)?;
    }
    let coroutine = inside.attend.bind(py).call1((host,))?;
    // Under the name of what it is for.
    let name = name_of(inside.async_fn.bind(py));
    PyString::from_bytes(py, name.strip_suffix("()").unwrap_or(&name).as_bytes())
        .and_then(|name| coroutine.setattr(&names(py).qualname, name))
        .inspect_err(|_| close_coroutine(&coroutine))?;
    let task = tasks.make(&coroutine, context, inside.async_fn.bind(py))?;
    let _ = inside.task.set(task.clone().unbind());
    call.get().set_task(task.clone());
    if let Some(own) = tasks.own_context(&task)? {
        let _ = inside.task_context.set(own.unbind());
    }
    task.call_method1(names(py).add_done_callback.bind(py), (host,)).map(drop)
}
