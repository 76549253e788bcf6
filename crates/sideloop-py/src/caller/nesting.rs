//! Nested calls: which loop waits for which, so that none ends up waiting for itself.
//!
//! A call from a plain thread closes no circle, since no loop waits for that thread. A call made while this
//! thread turns a loop makes that loop wait for another one; if the other already waits for this one, through
//! any chain of calls, both would wait for ever. So each loop knows the calls it waits for, and a nested call
//! follows them before it is put in. All of this is read and written attached.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::model::{Call, RunnerCore, turned_here};
use crate::policy::errors::Error;
use crate::python::lock::lock;

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
            let links = chain.iter().map(|link| {
                let inside = link.get();
                (inside.name(py), inside.runner(py).get().name().to_owned(), inside.caller)
            });
            let links = PyList::new(py, links.collect::<Vec<_>>())?;
            let (runner, name) = (call.get().runner(py).get().name(), call.get().name(py));
            return Err(Error::Deadlock.raise(py, (runner, name, links)));
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

/// The calls through which the loop of `from` waits for that of `to`, if it does: none if they are one.
fn chain_to<'py>(
    to: &Bound<'py, RunnerCore>,
    from: &Bound<'py, RunnerCore>,
    depth: usize,
) -> Option<Vec<Bound<'py, Call>>> {
    /// Deeper than calls can be nested.
    const DEEPEST: usize = 1024;
    if from.is(to) {
        return Some(Vec::new());
    }
    let py = to.py();
    if depth == DEEPEST {
        return None;
    }
    let bind = |call: &Py<Call>| call.bind(py).clone();
    let waits_for: Vec<_> = lock(&from.get().waits_for).iter().map(bind).collect();
    waits_for.into_iter().find_map(|call| {
        let mut chain = chain_to(to, call.get().runner(py), depth + 1)?;
        chain.insert(0, call);
        Some(chain)
    })
}
