//! A step comes in: the loop thread's side of it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::advance::take_last;
use super::attend::step_in;
use crate::finish::finish;
use crate::model::{Call, Host, Kind, Place, Step};
use crate::policy::errors::name_of;
use crate::policy::outcome::Outcome;
use crate::python::context;
use crate::python::names::names;
use crate::tasks::TaskMaker;

/// What a step finds when it comes in.
#[derive(Clone, Copy)]
enum Found {
    /// The item that it wants is being read ahead.
    ReadAhead,
    /// Something that nobody has asked for, and that has to stop.
    Unasked,
    /// A step whose caller waits no longer.
    LeftBehind,
    /// Nothing that runs, or that would not end by itself.
    Idle,
}

/// A step has come in.
///
/// # Errors
/// What making the task raises, or waking it.
pub(crate) fn arrive(
    host: &Bound<'_, Host>,
    tasks: &TaskMaker,
    call: &Bound<'_, Call>,
    step: Step,
) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let kind = step.kind;
    let early = match kind {
        Kind::Refill => Some(Outcome::Value(py.None())),
        kind if inside.is_over() => {
            Some(take_last(inside, py, kind).unwrap_or_else(|| kind.nothing_left(py)))
        }
        Kind::Item | Kind::Word => inside.inner().ready.pop_front(),
        Kind::Only | Kind::Exit | Kind::Close | Kind::Collect => None,
    };
    match early {
        Some(outcome) => finish(call, outcome),
        None => queue(inside, call, step)?,
    }
    go_on(host, tasks, call)
}

/// Let the task find this step, or what runs now answer it.
fn queue(host: &Host, call: &Bound<'_, Call>, step: Step) -> PyResult<()> {
    let py = call.py();
    let (task, found, before) = {
        let mut inner = host.inner();
        let task = inner.task.as_ref().map(|task| task.clone_ref(py));
        let found = match (&inner.place, &inner.asked) {
            (Place::Stepping(_), None) if step.kind == Kind::Item => Found::ReadAhead,
            (Place::Stepping(_), Some(_)) if step.kind != Kind::Collect => Found::LeftBehind,
            (Place::Stepping(_), None) if !inner.rescuing => Found::Unasked,
            (Place::Stepping(_), _)
            | (Place::New | Place::Awake | Place::Between(_) | Place::Over, _) => Found::Idle,
        };
        let before = match found {
            Found::ReadAhead => {
                inner.asked = Some(call.clone().unbind());
                None
            }
            Found::Unasked | Found::Idle => inner.next.replace((call.clone().unbind(), step)),
            Found::LeftBehind => None,
        };
        (task, found, before)
    };
    drop(before);
    match (found, task) {
        (Found::LeftBehind, _) => finish(
            call,
            Outcome::Error(PyRuntimeError::new_err(format!(
                "a step of {} that was left behind still runs",
                name_of(host.async_fn.bind(py))
            ))),
        ),
        (_, None) => {}
        (Found::ReadAhead | Found::Idle, Some(task)) => call.get().set_task(task.into_bound(py)),
        (Found::Unasked, Some(task)) => {
            call.get().set_task(task.bind(py).clone());
            task.call_method0(py, "cancel")?;
        }
    }
    Ok(())
}

/// Have the task look for what to do.
fn go_on(host: &Bound<'_, Host>, tasks: &TaskMaker, call: &Bound<'_, Call>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    let Some(context) = inside.context().map(|context| context.bind(py)) else {
        return Ok(());
    };
    let wake = inside.inner().place.wake();
    if let Some(wake) = wake {
        return context::enter(context, || step_in(host, tasks, wake));
    }
    if !matches!(inside.inner().place, Place::New) {
        return Ok(());
    }
    inside.set_place(Place::Awake);
    let runner = call.get().runner(py);
    let _ = inside.core.set(runner.clone().unbind());
    let coroutine = inside.attend.bind(py).call1((host, &inside.async_fn))?;
    let task = tasks.make(&coroutine, context)?;
    if let Some(own) = tasks.own_context(&task)? {
        let _ = inside.task_context.set(own.unbind());
    }
    task.call_method1(names(py).add_done_callback.bind(py), (host,))?;
    runner.get().keep_host(host);
    call.get().set_task(task.clone());
    let before = inside.inner().task.replace(task.unbind());
    drop(before);
    Ok(())
}
