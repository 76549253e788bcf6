//! Ask the caller to run something: whichever thread waits for the nearest call that the asking code runs inside of.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::event_loop::LoopCore;
use crate::model::{Ask, AskedFor, Call, Errand, Host, RunnerCore, State, turned_here};
use crate::policy::errors::name_of;
use crate::python::context::copy_current;
use crate::python::inside::{self, Inside, here};
use crate::python::running_loop::running_loop;

/// Put an errand in: `sync_fn(*args, **kwargs)`, in a copy of the current context. If `whole` is given, the code runs
/// inside of that, whatever the context says. Instead of an errand a future comes where somebody is about to wait:
/// it is done when it is time to ask again.
///
/// # Errors
/// `RuntimeError` if nobody waits here: outside of a call, or in one whose caller does not wait, or no longer.
#[pyfunction]
pub(crate) fn ask_caller<'py>(
    whole: Option<Bound<'py, PyAny>>,
    sync_fn: &Bound<'py, PyAny>,
    args: Bound<'py, PyTuple>,
    kwargs: Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = sync_fn.py();
    let Some(event_loop) = running_loop(py)? else {
        return Err(not_run(sync_fn, "no event loop runs here, and so no call"));
    };
    let call = match find(&event_loop, whole)? {
        Found::Call(call) => call,
        Found::Later(until) => return Ok(until),
        Found::Nobody(why) => return Err(not_run(sync_fn, why)),
    };
    let task = py.import("asyncio.tasks")?.call_method1("current_task", (&event_loop,))?;
    let by_own_task = call.get().is_done_by(py, &task);
    let future = event_loop.call_method0("create_future")?;
    let what = Ask {
        sync_fn: sync_fn.clone().unbind(),
        args: args.unbind(),
        kwargs: kwargs.unbind(),
        context: copy_current(py)?,
    };
    let context = what.context.clone_ref(py);
    let errand = Bound::new(py, Errand::new(what, &event_loop, future, by_own_task))?;
    // What it has run elsewhere, and waits for, must not wait for the same thread.
    inside::enter_in(context.bind(py), errand.as_any())?;
    match call.get().ask(&errand) {
        AskedFor::Told => Ok(errand.into_any()),
        AskedFor::Tell(hears) => hears.call0(py).map(|_| errand.into_any()),
        AskedFor::Refused => Err(not_run(sync_fn, &why_not(&call))),
    }
}

/// `threading.get_ident()` of the thread that `ask_caller` would ask. None if it would raise.
#[pyfunction]
pub(crate) fn caller_here(
    py: Python<'_>,
    whole: Option<Bound<'_, PyAny>>,
) -> PyResult<Option<u64>> {
    let Some(event_loop) = running_loop(py)? else { return Ok(None) };
    Ok(match find(&event_loop, whole)? {
        Found::Call(call) if call.get().serves(py) => Some(call.get().caller),
        Found::Later(until) => {
            until.call_method0("cancel")?;
            Some(0)
        }
        Found::Call(_) | Found::Nobody(_) => None,
    })
}

/// Who is asked.
enum Found<'py> {
    Call(Bound<'py, Call>),
    /// With a future: somebody is about to wait when it is done.
    Later(Bound<'py, PyAny>),
    /// With the reason.
    Nobody(&'static str),
}

/// The nearest call that code runs inside of here, on this loop.
fn find<'py>(
    event_loop: &Bound<'py, PyAny>,
    whole: Option<Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    let py = event_loop.py();
    if let Some(whole) = whole {
        return of(&whole, event_loop);
    }
    if let Ok(own) = event_loop.cast::<LoopCore>()
        && let Some(call) = own.get().unmarked(py)
    {
        // Who copies the context now may give it back to the task later.
        own.get().mark(py)?;
        return Ok(Found::Call(call.cast_into::<Call>()?));
    }
    // First, since somebody may have given the task a context back that he had copied before it was marked; or it runs
    // in one in which others do, too.
    if let Some(call) = by_task(event_loop)? {
        return Ok(Found::Call(call));
    }
    match here(py)? {
        Inside::Nothing => Ok(Found::Nobody("it is asked for outside of a call")),
        Inside::Gone => Ok(Found::Nobody("the call that it is asked for in has ended")),
        Inside::Of(whole) => of(&whole, event_loop),
    }
}

/// The call whose own task runs here, if that has a caller that waits.
fn by_task<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Call>>> {
    let py = event_loop.py();
    let Some(runner) = turned_here(py) else { return Ok(None) };
    let current = py.import("asyncio.tasks")?.call_method1("current_task", (event_loop,))?;
    let found = runner.get().running.with(py, |calls| {
        let mut calls = calls.values();
        let own = calls.find(|call| call.get().is_done_by(py, &current));
        own.map(|call| call.clone_ref(py))
    });
    let found = found.map(|call| call.into_bound(py)).filter(|call| call.get().serves(py));
    if let Some(call) = &found
        && call.get().is_marked()
    {
        // Whatever it has been: what the task makes copies it.
        inside::enter(call.as_any())?;
    }
    Ok(found)
}

/// The call of what the context says.
fn of<'py>(whole: &Bound<'py, PyAny>, event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let py = event_loop.py();
    let call = if let Ok(call) = whole.cast::<Call>() {
        call.clone()
    } else if let Ok(host) = whole.cast::<Host>() {
        match of_host(host, event_loop)? {
            Found::Call(call) => call,
            other => return Ok(other),
        }
    } else if whole.cast::<Errand>().is_ok() {
        return Ok(Found::Nobody("the caller runs what has asked for it, and waits for that"));
    } else {
        match of_map(whole, event_loop)? {
            Found::Call(call) => call,
            other => return Ok(other),
        }
    };
    let tasks = call.get().runner(py).get().tasks.get();
    if tasks.is_some_and(|tasks| tasks.event_loop.is(event_loop)) {
        Ok(Found::Call(call))
    } else {
        // What has made this loop run runs inside of the call, and not on its loop.
        Ok(Found::Nobody("it is asked for on another event loop than that of the call"))
    }
}

/// The call that asked for the step of a host which runs, or is about to.
fn of_host<'py>(host: &Bound<'py, Host>, event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let (py, inside) = (host.py(), host.get());
    let asker = inside.with(|state: &mut State| {
        state.asker().map(|asked| asked.0.clone_ref(py)).ok_or_else(|| state.is_over())
    });
    match asker {
        Ok(call) => Ok(Found::Call(call.into_bound(py))),
        Err(false) if inside.reads_ahead => {
            let until = event_loop.call_method0("create_future")?;
            inside.tell_next_step(&until);
            Ok(Found::Later(until))
        }
        Err(false) => Ok(Found::Nobody(
            "no step runs of the iterator or context manager that it is asked for in",
        )),
        Err(true) => {
            Ok(Found::Nobody("the iterator or context manager that it is asked for in is over"))
        }
    }
}

/// The call that waits for the next answer of a map, which that call names.
fn of_map<'py>(flight: &Bound<'py, PyAny>, event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let py = event_loop.py();
    let runner = flight.getattr("core")?;
    let Ok(runner) = runner.cast::<RunnerCore>() else {
        return Ok(Found::Nobody("the map that it is asked for in is over"));
    };
    let running = runner
        .get()
        .running
        .with(py, |calls| calls.values().map(|call| call.clone_ref(py)).collect::<Vec<_>>());
    for call in running {
        let call = call.into_bound(py);
        let inside = call.get();
        if inside.is_done() || inside.is_abandoned() || !inside.is_waited_for(py) {
            continue;
        }
        let step = inside.async_fn(py).getattr_opt("func")?;
        let of = step.map(|step| step.getattr_opt("__self__")).transpose()?.flatten();
        if of.is_some_and(|of| of.is(flight)) {
            return Ok(Found::Call(call));
        }
    }
    let until = flight.call_method0("next_wait")?;
    if until.is_none() {
        return Ok(Found::Nobody("the map that it is asked for in is over"));
    }
    Ok(Found::Later(until))
}

fn why_not(call: &Bound<'_, Call>) -> String {
    let (py, inside) = (call.py(), call.get());
    let name = inside.name(py);
    if inside.is_done() {
        format!("{name}, the call that it is asked for in, has ended")
    } else if inside.is_abandoned() || inside.is_waited_for(py) {
        format!("the caller of {name} waits no longer")
    } else {
        format!("nobody waits for {name}, which was submitted")
    }
}

fn not_run(sync_fn: &Bound<'_, PyAny>, why: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "{} was not run, since there is no caller that waits: {why}; call it here, or with \
         asyncio.to_thread if it may block",
        name_of(sync_fn)
    ))
}
