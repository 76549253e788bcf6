//! Ask the caller to run something: whichever thread waits for the nearest call that the asking code runs inside of.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList, PyTuple};

use crate::model::{Ask, AskedFor, Call, Errand, Host, RunnerCore, State, turned_here};
use crate::policy::errors::name_of;
use crate::python::context::copy_current;
use crate::python::inside::{self, Inside, here};
use crate::python::running_loop::running_loop;

/// Put an errand in: `sync_fn(*args, **kwargs)`, in a copy of the current context. Instead of an errand a future comes
/// where somebody is about to wait: it is done when it is time to ask again.
///
/// # Errors
/// `RuntimeError` if nobody waits here: outside of a call, or in one whose caller does not wait, or no longer.
#[pyfunction]
pub(crate) fn ask_caller<'py>(
    sync_fn: &Bound<'py, PyAny>,
    args: Bound<'py, PyTuple>,
    kwargs: Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = sync_fn.py();
    let Some(event_loop) = running_loop(py)? else {
        return Err(not_run(sync_fn, "no event loop runs here, and so no call"));
    };
    let call = match find(&event_loop)? {
        Found::Call(call) => call,
        Found::Later(until, _) => return Ok(until),
        Found::Nobody(why) => return Err(not_run(sync_fn, &why)),
    };
    let future = future_of(&event_loop)?;
    let context = copy_current(py)?;
    // What it has run elsewhere, and waits for, must not wait for the same thread.
    inside::bar_in(context.bind(py), inside::IN_ERRAND)?;
    let ask = Ask {
        sync_fn: sync_fn.clone().unbind(),
        args: args.unbind(),
        kwargs: kwargs.unbind(),
        context,
    };
    let errand = Bound::new(py, Errand::new(ask, &event_loop, future))?;
    match call.get().ask(&errand) {
        AskedFor::Told => Ok(errand.into_any()),
        AskedFor::Tell(hears) => match hears.call0(py) {
            Ok(_) => Ok(errand.into_any()),
            // A signal handler's: who would await it is not there.
            Err(error) => {
                errand.get().withdraw(py);
                Err(error)
            }
        },
        AskedFor::Refused => Err(not_run(sync_fn, &why_not(&call))),
    }
}

/// A future of that loop; without the interpreter lock one that other threads may ask, too.
fn future_of<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    if cfg!(not(Py_GIL_DISABLED)) {
        return event_loop.call_method0("create_future");
    }
    let options = [("loop", event_loop)].into_py_dict(py)?;
    py.import("sideloop._runners.errand")?.getattr("Asked")?.call((), Some(&options))
}

/// `threading.get_ident()` of the thread that `ask_caller` would ask, now or when it waits again. None if it would raise.
#[pyfunction]
pub(crate) fn caller_here(py: Python<'_>) -> PyResult<Option<u64>> {
    let Some(event_loop) = running_loop(py)? else { return Ok(None) };
    Ok(match find(&event_loop)? {
        Found::Call(call) => Some(call.get().ident(py)),
        Found::Later(until, ident) => {
            until.call_method0("cancel")?;
            Some(ident)
        }
        Found::Nobody(_) => None,
    })
}

/// Who is asked.
enum Found<'py> {
    Call(Bound<'py, Call>),
    /// With a future, somebody is about to wait when it is done; and who has waited last, as `threading` has it.
    Later(Bound<'py, PyAny>, u64),
    /// With the reason.
    Nobody(String),
}

impl Found<'_> {
    fn nobody(why: &str) -> Self {
        Self::Nobody(why.to_owned())
    }
}

/// The nearest call that code runs inside of here, on this loop: as the context says, or else the task.
fn find<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let py = event_loop.py();
    let said = here(py)?;
    let is_told = !matches!(said, Inside::Nothing);
    let found = match said {
        Inside::Of(whole) => of(&whole, event_loop)?,
        Inside::Gone => Found::nobody("the call that it is asked for in has ended"),
        Inside::Barred(why) => Found::Nobody(why),
        Inside::Nothing => Found::nobody(why_outside(py)),
    };
    let Found::Nobody(_) = &found else { return Ok(found) };
    let Some(own) = whole_of(&current_task(event_loop)?)? else { return Ok(found) };
    if is_in_kept_context(&own) {
        return of(&own, event_loop);
    }
    if is_told {
        return Ok(found);
    }
    // It had begun before anybody could ask. What it makes from here on knows.
    inside::enter(&own)?;
    of(&own, event_loop)
}

fn current_task<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let asyncio = event_loop.py().import("asyncio.tasks")?;
    asyncio.call_method1("current_task", (event_loop,))
}

/// Whose own task this is: of those who hear of its end, the call, the host or the map.
fn whole_of<'py>(task: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = task.py();
    let Some(callbacks) = task.getattr_opt("_callbacks")? else { return Ok(None) };
    let Ok(callbacks) = callbacks.cast_into::<PyList>() else { return Ok(None) };
    let method = py.import("types")?.getattr("MethodType")?;
    let flight = py.import("sideloop._map.flight")?.getattr("Flight")?;
    for heard in callbacks {
        let Ok((callback, _)) = heard.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
            continue;
        };
        if callback.is_instance_of::<Call>() || callback.is_instance_of::<Host>() {
            return Ok(Some(callback));
        }
        // By their types alone: nothing of the user's is asked.
        if callback.get_type().is(&method) {
            let holder = callback.getattr("__self__")?;
            if holder.get_type().is(&flight) {
                return Ok(Some(holder));
            }
        }
    }
    Ok(None)
}

fn is_in_kept_context(whole: &Bound<'_, PyAny>) -> bool {
    if let Ok(call) = whole.cast::<Call>() {
        return call.get().is_in_kept_context;
    }
    whole.cast::<Host>().is_ok_and(|host| host.get().is_in_kept_context(whole.py()))
}

/// The call of what the context says, or the task.
fn of<'py>(whole: &Bound<'py, PyAny>, event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let py = event_loop.py();
    let found = if let Ok(call) = whole.cast::<Call>() {
        Found::Call(call.clone())
    } else if let Ok(host) = whole.cast::<Host>() {
        of_host(host, event_loop)?
    } else {
        of_map(whole)?
    };
    let Found::Call(call) = &found else { return Ok(found) };
    let tasks = call.get().runner(py).get().tasks.get();
    if tasks.is_none_or(|tasks| !tasks.event_loop.is(event_loop)) {
        // What has made this loop run runs inside of the call, and not on its loop.
        return Ok(Found::nobody("it is asked for on another event loop than that of the call"));
    }
    Ok(if call.get().serves(py) { found } else { Found::Nobody(why_not(call)) })
}

/// The call that asked for the step of a host which runs, or is about to.
fn of_host<'py>(host: &Bound<'py, Host>, event_loop: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    let (py, inside) = (host.py(), host.get());
    let asker = inside.with(py, |state: &mut State| {
        state.asker().map(|asked| asked.0.clone_ref(py)).ok_or_else(|| state.is_over())
    });
    match asker {
        Ok(call) => Ok(Found::Call(call.into_bound(py))),
        Err(false) if inside.reads_ahead => {
            let until = event_loop.call_method0("create_future")?;
            inside.tell_next_step(&until);
            Ok(Found::Later(until, inside.stepped_by()))
        }
        Err(false) => Ok(Found::nobody(
            "no step runs of the iterator or context manager that it is asked for in",
        )),
        Err(true) => {
            Ok(Found::nobody("the iterator or context manager that it is asked for in is over"))
        }
    }
}

/// The call that waits for the next answer of a map.
fn of_map<'py>(flight: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
    if let Some(why) = flight.getattr("refusal")?.extract()? {
        return Ok(Found::Nobody(why));
    }
    let waiter = flight.getattr("waiter")?;
    if !waiter.is_none()
        && let Ok(core) = flight.getattr("core")?.cast_into::<RunnerCore>()
        && let Some(call) = who_awaits(&waiter, &core)?
    {
        return Ok(Found::Call(call));
    }
    let stopped_by = whole_of(&flight.getattr("stopped_by")?)?;
    if let Some(Ok(call)) = stopped_by.map(Bound::cast_into::<Call>) {
        return Ok(Found::Call(call));
    }
    let until = flight.call_method0("next_wait")?;
    if until.is_none() {
        return Ok(Found::nobody("the map that it is asked for in is over"));
    }
    Ok(Found::Later(until, flight.getattr("caller")?.extract()?))
}

/// The call of this runner whose task awaits this future.
fn who_awaits<'py>(
    future: &Bound<'py, PyAny>,
    runner: &Bound<'py, RunnerCore>,
) -> PyResult<Option<Bound<'py, Call>>> {
    let py = future.py();
    for call in running(runner) {
        let call = call.into_bound(py);
        let Some(task) = call.get().task(py) else { continue };
        let awaits = task.getattr_opt("_fut_waiter")?;
        if awaits.is_some_and(|awaits| awaits.is(future)) {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

fn running(runner: &Bound<'_, RunnerCore>) -> Vec<Py<Call>> {
    let py = runner.py();
    runner.get().running.with(py, |calls| calls.values().map(|call| call.clone_ref(py)).collect())
}

/// Why nobody is asked where no context says what runs there.
fn why_outside(py: Python<'_>) -> &'static str {
    let serving = turned_here(py).map_or_else(Vec::new, |runner| running(&runner));
    let mut serving = serving.iter().map(Py::get).filter(|call| call.serves(py));
    if serving.any(|call| call.is_in_kept_context) {
        "in a Runner(context=...), whose calls share one context, only a call's own task knows its caller"
    } else {
        "it is asked for outside of a call, or in a task that was made before run_on_caller was first looked up \
         (write `from sideloop import run_on_caller` at the top of the module)"
    }
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
