//! Nested calls: which loop waits for which, so that none ends up waiting for itself.
//!
//! A call from a plain thread closes no circle, since no loop waits for that thread. A call made while this
//! thread turns a loop makes that loop wait for another one; if the other already waits for this one, through
//! any chain of calls, both would wait for ever. So each loop knows the calls it waits for, and a nested call
//! follows them before it is put in. All of this is read and written attached.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::model::{Call, RunnerCore, turned_here};
use crate::policy::errors::{Error, name_of};
use crate::python::lock::lock;

/// Deeper than calls can be nested.
const DEEPEST: usize = 1024;

/// A loop's wait for a call that was made on it. Over when this is dropped.
pub(super) struct Nested<'py> {
    outer: Bound<'py, RunnerCore>,
    call: Bound<'py, Call>,
}

impl<'py> Nested<'py> {
    /// Let the loop that this thread turns wait for `call`. None if this thread turns no loop.
    ///
    /// # Errors
    /// `DeadlockError` if the call's loop waits for that one.
    pub(super) fn enter(call: &Bound<'py, Call>) -> PyResult<Option<Self>> {
        let py = call.py();
        let Some(outer) = turned_here(py) else { return Ok(None) };
        if let Some(chain) = chain_to(&outer, call.get().runner(py), 0) {
            return Err(circle(call.get().runner(py), call.get().name(py), &chain));
        }
        lock(&outer.get().waits_for).push(call.clone().unbind());
        Ok(Some(Self { outer, call: call.clone() }))
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        let ended = take(&mut lock(&self.outer.get().waits_for), &self.call);
        drop(ended);
    }
}

fn take(waits_for: &mut Vec<Py<Call>>, call: &Bound<'_, Call>) -> Option<Py<Call>> {
    // A signal handler's call, made during the wait for another, is over first.
    let place = waits_for.iter().rposition(|waited_for| waited_for.is(call))?;
    Some(waits_for.remove(place))
}

#[pymethods]
impl RunnerCore {
    /// Refuse to have `task` await `async_fn` here, if this loop's thread waits for `task`.
    fn check_not_waited_for(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        async_fn: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        match chain_to_task(task, slf, 0) {
            Some(chain) => Err(circle(slf, name_of(async_fn), &chain)),
            None => Ok(()),
        }
    }
}

/// The error for a call to `runner` that it would wait for itself, through these calls.
fn circle(runner: &Bound<'_, RunnerCore>, name: String, chain: &[Bound<'_, Call>]) -> PyErr {
    let py = runner.py();
    let links = chain.iter().map(|link| {
        let inside = link.get();
        (inside.name(py), inside.runner(py).get().name().to_owned(), inside.caller)
    });
    match PyList::new(py, links.collect::<Vec<_>>()) {
        Ok(links) => Error::Deadlock.raise(py, (runner.get().name(), name, links)),
        Err(error) => error,
    }
}

/// The calls that a loop waits for, innermost last.
fn waits_of<'py>(runner: &Bound<'py, RunnerCore>) -> Vec<Bound<'py, Call>> {
    let bind = |call: &Py<Call>| call.bind(runner.py()).clone();
    lock(&runner.get().waits_for).iter().map(bind).collect()
}

/// The calls through which the loop of `from` waits for `task`, if it does.
fn chain_to_task<'py>(
    task: &Bound<'py, PyAny>,
    from: &Bound<'py, RunnerCore>,
    depth: usize,
) -> Option<Vec<Bound<'py, Call>>> {
    let py = task.py();
    if depth == DEEPEST {
        return None;
    }
    waits_of(from).into_iter().find_map(|call| {
        let mut chain = match call.get().task(py) {
            Some(running) if running.is(task) => Vec::new(),
            Some(_) | None => chain_to_task(task, call.get().runner(py), depth + 1)?,
        };
        chain.insert(0, call);
        Some(chain)
    })
}

/// The calls through which the loop of `from` waits for that of `to`, if it does: none if they are one.
fn chain_to<'py>(
    to: &Bound<'py, RunnerCore>,
    from: &Bound<'py, RunnerCore>,
    depth: usize,
) -> Option<Vec<Bound<'py, Call>>> {
    if from.is(to) {
        return Some(Vec::new());
    }
    let py = to.py();
    if depth == DEEPEST {
        return None;
    }
    waits_of(from).into_iter().find_map(|call| {
        let mut chain = chain_to(to, call.get().runner(py), depth + 1)?;
        chain.insert(0, call);
        Some(chain)
    })
}
