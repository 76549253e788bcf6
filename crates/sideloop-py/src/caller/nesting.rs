//! Nested calls: which loop waits for which, so that none ends up waiting for itself.
//!
//! A call from a plain thread closes no circle, since no loop waits for that thread. A call made while this
//! thread runs a loop, whoever's that is, makes that loop wait for another one; if the other already waits for this
//! one, through any chain of calls, both would wait for ever. So a nested call follows that chain (`model/waits.rs`)
//! before it is put in. All of this is read and written attached.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::pause::waits_in_hubs;
use super::stopping::hear;
use crate::event_loop::LoopCore;
use crate::model::{Blocked, Call, Chain, LoopId, RunnerCore, turned_here};
use crate::model::{chain_to_blocked, chain_to_task, wait_for, wait_is_over};
use crate::policy::errors::{Error, name_of};
use crate::policy::outcome::is_cancelled;
use crate::python::attached::Attached;
use crate::python::running_loop::{running_loop, runs_here};
use crate::python::thread;

/// A wait for a call, of the loops that this thread runs. Over when this is dropped.
pub(super) struct Nested<'py> {
    blocked: Blocked,
    call: Bound<'py, Call>,
}

impl<'py> Nested<'py> {
    /// Let the loops that this thread runs wait for `call`. None if it runs none.
    ///
    /// # Errors
    /// `DeadlockError` if the call's loop waits for one of those.
    pub(super) fn enter(call: &Bound<'py, Call>) -> PyResult<Option<Self>> {
        let loops = loops_here(call.py())?;
        let blocked = ids_of(&loops);
        if blocked == Blocked::default() {
            return Ok(None);
        }
        send_what_is_written(&loops)?;
        match wait_for(blocked, call) {
            Ok(()) => {
                let nested = Self { blocked, call: call.clone() };
                if let Some(outer) = turned_here(call.py()) {
                    hear(outer.get(), call)?;
                }
                Ok(Some(nested))
            }
            Err(chain) => {
                Err(circle(call.get().runner(call.py()), call.get().name(call.py()), &chain))
            }
        }
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        wait_is_over(self.blocked, &self.call);
    }
}

/// One inside of the other.
type LoopsHere<'py> = [Option<Bound<'py, PyAny>>; 2];

/// The loops that wait when this thread does: that which it turns for a runner, and that which asyncio says it runs,
/// if that is another one (somebody else's, or one that was nested in a runner's).
fn loops_here(py: Python<'_>) -> PyResult<LoopsHere<'_>> {
    let turned = turned_here(py).and_then(|runner| {
        let tasks = runner.get().tasks.get();
        tasks.map(|tasks| tasks.event_loop.bind(py).clone())
    });
    // Where greenlets are threads the running loop may be another greenlet's, which goes on.
    let asks = !waits_in_hubs() && !turned.as_ref().map_or(Ok(false), runs_here)?;
    let another = if asks { running_loop(py)? } else { None };
    Ok([turned, another])
}

fn ids_of(loops: &LoopsHere<'_>) -> Blocked {
    loops.each_ref().map(|one| one.as_ref().map(LoopId::of))
}

/// Have what has been written in this turn on the loops that wait leave first: whoever is to get it may be who is
/// waited for.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of the user's code.
fn send_what_is_written(loops: &LoopsHere<'_>) -> PyResult<()> {
    for waiting in loops.iter().flatten() {
        if let Ok(waiting) = waiting.cast::<LoopCore>() {
            waiting.get().send_now(waiting.py())?;
        }
    }
    Ok(())
}

/// `NestedWait(call)`: `with` it the calling thread waits for a call that was put in before.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct NestedWait {
    call: Py<Call>,
    blocked: Attached<Blocked>,
}

#[pymethods]
impl NestedWait {
    #[new]
    fn new(call: Py<Call>) -> Self {
        Self { call, blocked: Attached::default() }
    }

    /// # Errors
    /// `DeadlockError` if the call's loop waits for one that this thread runs.
    fn __enter__(&self, py: Python<'_>) -> PyResult<()> {
        if self.call.get().is_done() {
            return Ok(());
        }
        if let Some(nested) = Nested::enter(self.call.bind(py))? {
            self.blocked.with(py, |blocked| *blocked = nested.blocked);
            // Over when this is left.
            std::mem::forget(nested);
        }
        Ok(())
    }

    #[pyo3(signature = (_class, raised, _traceback))]
    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        raised: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (py, call) = (raised.py(), self.call.get());
        let blocked = self.blocked.with(py, std::mem::take);
        wait_is_over(blocked, self.call.bind(py));
        if call.is_cancelled_for_outer() {
            // A submitted call's future raises a CancelledError of its own kind, all others asyncio's.
            let class = py.import("concurrent.futures")?.getattr("CancelledError")?;
            if is_cancelled(raised) || raised.is_instance(&class)? {
                call.pass_cancellation_on();
            }
        }
        Ok(())
    }
}

#[pymethods]
impl RunnerCore {
    /// Refuse to have `task` await `async_fn` here, if this loop's thread waits for `task`.
    fn check_not_waited_for(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        async_fn: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let tasks = slf.get().tasks.get();
        match tasks.and_then(|tasks| chain_to_task(task, tasks.event_loop.bind(slf.py()))) {
            Some(chain) => Err(circle(slf, name_of(async_fn), &chain)),
            None => Ok(()),
        }
    }
}

/// Refuse a call to a loop of somebody else's that this thread runs, also if code on that has another one run there.
///
/// # Errors
/// `DeadlockError`, and what asking the loop raises.
pub(crate) fn check_runs_elsewhere(
    runner: &Bound<'_, RunnerCore>,
    event_loop: &Bound<'_, PyAny>,
    async_fn: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let ident = event_loop.getattr_opt("_thread_id")?;
    let here = ident.and_then(|ident| ident.extract::<u64>().ok()) == Some(thread::current());
    if !here {
        return Ok(());
    }
    let py = event_loop.py();
    let chain = chain_to_blocked(py, ids_of(&loops_here(py)?), LoopId::of(event_loop));
    Err(circle(runner, name_of(async_fn), &chain.unwrap_or_default()))
}

/// The error for a call to `runner` that it would wait for itself, through these calls.
pub(super) fn circle(runner: &Bound<'_, RunnerCore>, name: String, chain: &Chain) -> PyErr {
    let py = runner.py();
    let links = chain.iter().map(|link| {
        let inside = link.get();
        (inside.name(py), inside.runner(py).get().label(py), inside.caller)
    });
    match PyList::new(py, links.collect::<Vec<_>>()) {
        Ok(links) => Error::Deadlock.raise(py, (runner.get().label(py), name, links)),
        Err(error) => error,
    }
}
