//! Which loop a thread turns.

use std::cell::RefCell;

use pyo3::prelude::*;

use crate::model::RunnerCore;

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

/// The runner whose loop this thread turns.
pub(crate) fn turned_here(py: Python<'_>) -> Option<Bound<'_, RunnerCore>> {
    HERE.with_borrow(|here| here.as_ref().map(|runner| runner.bind(py).clone()))
}
