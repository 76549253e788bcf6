//! A step's caller: as that of any call.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::host::{Kind, Late, Rise, Sit};

use super::put::close_soon;
use super::serving::serving;
use crate::caller::{Outlasted, Run, outlast, wait_for};
use crate::model::{
    Host, Router, RunnerCore, State, Step, Variables, Work, left_over, nothing_left,
};
use crate::policy::deadline::{self, Limit};
use crate::policy::errors::{begun_before_fork, name_of};
use crate::policy::outcome::{Outcome, is_cancelled};
use crate::policy::own_variables::is_ours;
use crate::python::{context, sniffed, thread};

/// Run a step to its end. Blocks, detached.
///
/// # Errors
/// What the step raises; `ValueError` while another one runs; what ends any call.
pub(super) fn step(
    host: &Bound<'_, Host>,
    kind: Kind,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) -> PyResult<Py<PyAny>> {
    match host.get().with(host.py(), State::sit) {
        Sit::Seated => step_seated(host, kind, async_fn, args),
        Sit::Taken => Err(busy(host)),
    }
}

/// The same, for a caller that sits there.
pub(super) fn step_seated(
    host: &Bound<'_, Host>,
    kind: Kind,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) -> PyResult<Py<PyAny>> {
    let stepped = match &host.get().router.bind(host.py()).get().variables {
        Variables::Copied | Variables::Kept(_) => step_alone(host, kind, async_fn, args),
        Variables::BroughtBack => step_and_bring_back(host, kind, async_fn, args),
    };
    let rise = host.get().with(host.py(), State::rise);
    if stepped.is_err() && kind.cleans_up() && rise == Rise::Open {
        // Interrupted before it began. Nothing of the user's is left undone for that.
        close_soon(host, async_fn, args);
    }
    stepped
}

/// The error for a caller that finds another one there. In a fork's child that one is the parent's.
pub(super) fn busy(host: &Bound<'_, Host>) -> PyErr {
    let (py, inside) = (host.py(), host.get());
    let name = name_of(inside.async_fn.bind(py));
    if inside.core.get().is_some_and(|core| core.get().entry.is_orphaned()) {
        return begun_before_fork(&name);
    }
    PyValueError::new_err(format!(
        "{name} is running a step already, for another thread or for a signal handler; let one thread \
         at a time use it"
    ))
}

/// Run a call as the only step of a host of its own.
pub(super) fn run_alone(
    router: &Bound<'_, Router>,
    async_fn: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let py = router.py();
    let attend = py.import("sideloop._views.host")?.getattr("attend")?.unbind();
    let (router, name) = (router.clone().unbind(), async_fn.clone().unbind());
    let host = Host::new(router, name, attend, py.None(), None, 0);
    let with_args = py.import("functools")?.getattr("partial")?;
    let mut all = vec![async_fn.clone()];
    all.extend(args.iter());
    let call = with_args.call(PyTuple::new(py, all)?, Some(kwargs))?;
    step(&Bound::new(py, host)?, Kind::Only, call.as_unbound(), None)
}

fn step_and_bring_back(
    host: &Bound<'_, Host>,
    kind: Kind,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) -> PyResult<Py<PyAny>> {
    let (py, inside) = (host.py(), host.get());
    let before = match inside.context() {
        Some(context) => context.bind(py).call_method0("copy")?,
        None => sniffed::copy_context(py)?.into_bound(py),
    };
    let stepped = step_alone(host, kind, async_fn, args);
    if let Some(after) = inside.context() {
        context::bring_back(&before, after.bind(py), is_ours)?;
    }
    stepped
}

fn step_alone(
    host: &Bound<'_, Host>,
    kind: Kind,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) -> PyResult<Py<PyAny>> {
    let (py, inside) = (host.py(), host.get());
    let name = inside.async_fn.bind(py);
    if inside.reads_ahead {
        inside.note_stepped_by(thread::ident(py)?);
    }
    loop {
        let core = match inside.core.get() {
            Some(core) => core.bind(py).clone(),
            None => serving(inside.router.bind(py).get(), name)?,
        };
        let limit = match deadline::in_force(py)? {
            // The time for cleaning up is the grace, however late it is.
            Some(limit) if kind.cleans_up() => Limit::for_cleanup(&limit, core.get().grace)?,
            Some(_) => deadline::at_the_door(name)?,
            None => None,
        };
        share(inside, py, limit.as_ref())?;
        let step = Step::new(host, kind, async_fn, args);
        let done = wait_for(&core, name, Work::Step(step), limit.as_ref());
        if kind.cleans_up()
            && let Some(limit) = limit
        {
            limit.get().end();
        }
        match done? {
            Run::Value(value) => return Ok(value),
            Run::NotStarted if inside.core.get().is_none() => {}
            Run::NotStarted => return after_the_end(host, &core, kind),
        }
    }
}

/// Have the steps' context, and in it the deadline of this step for the calls nested in it.
fn share(host: &Host, py: Python<'_>, given: Option<&Bound<'_, Limit>>) -> PyResult<()> {
    if let Variables::Kept(context) = &host.router.bind(py).get().variables {
        // Other calls run in it, too, which this one's deadline is no matter of.
        let _ = host.context.set(context.clone_ref(py));
        return Ok(());
    }
    let known = match host.context() {
        None => {
            let _ = host.context.set(sniffed::copy_context(py)?);
            None
        }
        Some(context) => {
            let same = host.deadline.with(py, |before| {
                before.as_ref().map(|deadline| deadline.as_ptr()) == given.map(Bound::as_ptr)
            });
            if same {
                return Ok(());
            }
            Some(context)
        }
    };
    let before = {
        let given = given.map(|given| given.clone().into_any().unbind());
        host.deadline.with(py, |before| std::mem::replace(before, given))
    };
    drop(before);
    if let Some(context) = known {
        // In vain while an item is read ahead: that one has no caller, and no deadline.
        let _ = deadline::give(context.bind(py), given);
    }
    Ok(())
}

/// What a step gets on a loop that has ended.
pub(super) fn after_the_end(
    host: &Bound<'_, Host>,
    core: &Bound<'_, RunnerCore>,
    kind: Kind,
) -> PyResult<Py<PyAny>> {
    let (py, inside) = (host.py(), host.get());
    let outlasted = outlast(host, core.get())?;
    let (left, was_over) = match inside.with(py, |state| state.late(kind)) {
        Late::Over(left) => (left, true),
        Late::Open(left) => {
            match outlasted {
                Outlasted::Over => {
                    let rest = inside.with(py, State::end);
                    drop(rest);
                }
                // What is left to clean up there still is.
                Outlasted::Unwinds => {}
            }
            (left, false)
        }
    };
    match left_over(py, left) {
        Some(Outcome::Error(error)) if !is_cancelled(error.value(py)) => Err(error),
        Some(Outcome::Value(value)) => Ok(value),
        None if was_over => match nothing_left(py, kind) {
            Outcome::Error(error) => Err(error),
            Outcome::Value(_) | Outcome::NotStarted => Ok(py.None()),
        },
        None if kind == Kind::Close => Ok(py.None()),
        Some(_) | None if core.get().entry.is_orphaned() => {
            Err(begun_before_fork(&name_of(inside.async_fn.bind(py))))
        }
        Some(_) | None => Err(core.get().stopped_error(py, name_of(inside.async_fn.bind(py)))),
    }
}

/// For who has no items: a context manager.
#[pymethods]
impl Host {
    /// Await `async_fn(*args)` in the task. Blocks, detached.
    #[pyo3(signature = (async_fn, *args))]
    fn run(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        step(slf, Kind::Word, async_fn.as_unbound(), Some(args))
    }

    /// The same, as the last step.
    #[pyo3(signature = (async_fn, *args))]
    fn run_last(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        step(slf, Kind::Exit, async_fn.as_unbound(), Some(args))
    }

    /// Whether the task has ended.
    #[getter]
    fn over(&self, py: Python<'_>) -> bool {
        self.with(py, |state| state.is_over())
    }
}
