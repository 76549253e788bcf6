//! Nested calls: which loop waits for which, so that none ends up waiting for itself.
//!
//! A call from a plain thread closes no circle, since no loop waits for that thread. A call made while this
//! thread turns a loop makes that loop wait for another one; if the other already waits for this one, through
//! any chain of calls, both would wait for ever. So each loop knows the calls it waits for, and a nested call
//! follows them before it is put in. All of this is read and written attached.

use std::cell::RefCell;

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::call::Call;
use crate::entry::lock;
use crate::errors::{Error, name_of};
use crate::runner::RunnerCore;

thread_local! {
    /// The runner whose loop this thread turns.
    static HERE: RefCell<Option<Py<RunnerCore>>> = const { RefCell::new(None) };
}

/// From here on this thread turns the loop of `runner`, or none. Returns whose it turned before.
pub(crate) fn turn_for<'py>(
    py: Python<'py>,
    runner: Option<Bound<'py, RunnerCore>>,
) -> Option<Bound<'py, RunnerCore>> {
    HERE.replace(runner.map(Bound::unbind)).map(|before| before.into_bound(py))
}

/// A loop's wait for a call that was made on it. Over when this is dropped.
pub(crate) struct Nested<'py> {
    outer: Bound<'py, RunnerCore>,
    call: Bound<'py, Call>,
}

impl<'py> Nested<'py> {
    /// Let the loop that this thread turns wait for `call`. None if this thread turns no loop.
    ///
    /// # Errors
    /// `DeadlockError` if the call's loop waits for that one.
    pub(crate) fn enter(call: &Bound<'py, Call>) -> PyResult<Option<Self>> {
        let py = call.py();
        let outer = HERE.with_borrow(|here| here.as_ref().map(|outer| outer.bind(py).clone()));
        let Some(outer) = outer else { return Ok(None) };
        if let Some(chain) = chain_to(&outer, call.get().runner(py), 0) {
            let links = chain.iter().map(|link| {
                let inside = link.get();
                (inside.name(py), inside.runner(py).get().name().to_owned(), inside.caller)
            });
            let links = PyList::new(py, links.collect::<Vec<_>>())?;
            let name = name_of(call.get().async_fn(py));
            return Err(
                Error::Deadlock.raise(py, (call.get().runner(py).get().name(), name, links))
            );
        }
        lock(&outer.get().waits_for).push(call.clone().unbind());
        Ok(Some(Self { outer, call: call.clone() }))
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        let ended = {
            let mut waits_for = lock(&self.outer.get().waits_for);
            // A signal handler's call, made during the wait for another, is over first.
            let place = waits_for.iter().rposition(|call| call.is(&self.call));
            place.map(|place| waits_for.remove(place))
        };
        drop(ended);
    }
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
    let waits_for: Vec<_> = match lock(&from.get().waits_for).as_slice() {
        calls if depth < DEEPEST => calls.iter().map(|call| call.bind(py).clone()).collect(),
        _ => return None,
    };
    waits_for.into_iter().find_map(|call| {
        let mut chain = chain_to(to, call.get().runner(py), depth + 1)?;
        chain.insert(0, call);
        Some(chain)
    })
}
