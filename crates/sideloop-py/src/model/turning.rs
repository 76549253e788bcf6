//! Which loop a thread turns.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use crate::model::RunnerCore;

thread_local! {
    /// The runner whose loop this thread turns.
    ///
    /// Never dropped with its thread, so that it is there until the very last of it: calls come from there, too.
    /// A thread ends with a runner in it only when the process ends.
    static HERE: RefCell<ManuallyDrop<Option<Py<RunnerCore>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// From here on this thread turns the loop of `runner`, or none. Returns whose it turned before.
pub(crate) fn turn_for<'py>(
    py: Python<'py>,
    runner: Option<Bound<'py, RunnerCore>>,
) -> Option<Bound<'py, RunnerCore>> {
    let runner = ManuallyDrop::new(runner.map(Bound::unbind));
    ManuallyDrop::into_inner(HERE.replace(runner)).map(|before| before.into_bound(py))
}

/// The runner whose loop this thread turns.
pub(crate) fn turned_here(py: Python<'_>) -> Option<Bound<'_, RunnerCore>> {
    HERE.with_borrow(|here| here.as_ref().map(|runner| runner.bind(py).clone()))
}
