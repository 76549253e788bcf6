//! Whose hook a thread runs: a sync function that a task awaits, which may call the task's loop meanwhile.
//!
//! Where the loop has a thread of its own such a call is like any other. A loop that a caller drives turns for as
//! long as that waits, and so for as long as its task awaits the hook: then, and only then, another thread than the
//! driver's may have it run a call.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use crate::model::{RunnerCore, turned_here};

thread_local! {
    /// Never dropped with its thread: see `turning`.
    static HOOK_OF: RefCell<ManuallyDrop<Option<Py<RunnerCore>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// The runner whose loop the calling thread turns: what runs there may await a hook.
#[pyfunction]
pub(crate) fn turned_runner(py: Python<'_>) -> Option<Bound<'_, RunnerCore>> {
    turned_here(py)
}

/// From here on the calling thread runs a hook that a task of this runner awaits, or none.
#[pyfunction]
#[pyo3(signature = (runner, /))]
pub(crate) fn run_hook_of(runner: Option<Py<RunnerCore>>) {
    let before = HOOK_OF.replace(ManuallyDrop::new(runner));
    drop(ManuallyDrop::into_inner(before));
}

/// Whether the calling thread runs a hook that a task of this runner awaits.
pub(crate) fn runs_hook_of(runner: &Bound<'_, RunnerCore>) -> bool {
    HOOK_OF.with_borrow(|hook_of| hook_of.as_ref().is_some_and(|of| of.is(runner)))
}
