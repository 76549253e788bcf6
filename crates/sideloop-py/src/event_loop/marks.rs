//! Whose context is to be marked before it is copied: that of the call whose first step runs, and those of a map's
//! items.
//!
//! ```text
//!              begins()                  mark(), ends()
//!   Nobody's ───────────▶ Somebody's ──────────────────▶ Nobody's
//! ```
//!
//! A call that need not wait makes nothing that outlives its first step, and then nobody has to know what ran inside
//! of it. What puts work on the loop meanwhile marks the context first (`python/inside.rs`); and whoever runs the
//! step does, if the call waits after it. The items of a map have the context of whoever pulls them, and are known by
//! their tasks: only what those make needs a mark.

use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::core::LoopCore;
use crate::python::attached::Attached;
use crate::python::{context, inside, thread, version};

/// A call's first step runs, and its context is not marked.
const CALL: u8 = 1;
/// A map's items run.
const ITEMS: u8 = 2;

#[derive(Default)]
pub(super) struct Marks {
    // ORDERING: Relaxed: read and written attached.
    due: AtomicU8,
    call: Attached<Option<Py<PyAny>>>,
    /// Marks the current context, if an item's task runs. False when there are no items any more.
    mark_item: Attached<Option<Py<PyAny>>>,
}

impl Marks {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.call.traverse(|call| visit.call(call)).unwrap_or(Ok(()))?;
        self.mark_item.traverse(|mark| visit.call(mark)).unwrap_or(Ok(()))
    }

    fn is_due(&self, what: u8) -> bool {
        self.due.load(Ordering::Relaxed) & what != 0
    }
}

impl LoopCore {
    /// From here on code runs inside of this call. False if another one's context is still to be marked.
    pub(crate) fn begins(&self, call: &Bound<'_, PyAny>) -> bool {
        if self.marks.due.fetch_or(CALL, Ordering::Relaxed) & CALL != 0 {
            return false;
        }
        self.marks.call.with(call.py(), |kept| *kept = Some(call.clone().unbind()));
        true
    }

    /// It runs no more. Gives it back if its context is not marked.
    pub(crate) fn ends<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        if !self.marks.is_due(CALL) {
            return None;
        }
        self.marks.due.fetch_and(!CALL, Ordering::Relaxed);
        self.marks.call.with(py, Option::take).map(|call| call.into_bound(py))
    }

    /// The call whose code runs now, on the calling thread, in a context that is not marked.
    pub(crate) fn unmarked<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        if !self.marks.is_due(CALL) || !self.runs_here() {
            return None;
        }
        self.marks.call.with(py, |call| call.as_ref().map(|call| call.bind(py).clone()))
    }

    fn runs_here(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == thread::current()
    }

    /// The current context is about to be copied: mark it, if that is still to be done.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn mark(&self, py: Python<'_>) -> PyResult<()> {
        if self.marks.is_due(CALL | ITEMS) { self.mark_now(py) } else { Ok(()) }
    }

    /// The same of this context, which nobody is in, and for a call alone.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn mark_in(&self, context: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.ends(context.py()) {
            Some(call) => inside::enter_in(context, &call),
            None => Ok(()),
        }
    }

    #[cold]
    fn mark_now(&self, py: Python<'_>) -> PyResult<()> {
        if !self.runs_here() {
            return Ok(());
        }
        if let Some(call) = self.ends(py) {
            return inside::enter(&call);
        }
        let mark =
            self.marks.mark_item.with(py, |mark| mark.as_ref().map(|mark| mark.clone_ref(py)));
        let Some(mark) = mark else { return Ok(()) };
        if !mark.call0(py)?.is_truthy(py)? {
            self.watch_items(py, None);
        }
        Ok(())
    }

    fn watch_items(&self, py: Python<'_>, mark: Option<Py<PyAny>>) {
        match &mark {
            Some(_) => self.marks.due.fetch_or(ITEMS, Ordering::Relaxed),
            None => self.marks.due.fetch_and(!ITEMS, Ordering::Relaxed),
        };
        let before = self.marks.mark_item.with(py, |kept| std::mem::replace(kept, mark));
        drop(before);
    }
}

/// Have `mark()` called before the current context is copied on this loop, until it returns False.
#[pyfunction]
pub(crate) fn watch_items(event_loop: &Bound<'_, PyAny>, mark: Py<PyAny>) {
    if let Ok(own) = event_loop.cast::<LoopCore>() {
        own.get().watch_items(event_loop.py(), Some(mark));
    }
}

/// The task of an item of `whole`, in this context. Where nobody calls `mark`, the context is marked at once.
#[pyfunction]
pub(crate) fn make_item_task<'py>(
    event_loop: &Bound<'py, PyAny>,
    coroutine: &Bound<'py, PyAny>,
    context: &Bound<'py, PyAny>,
    whole: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match event_loop.cast::<LoopCore>() {
        Ok(own) if LoopCore::makes_tasks_plainly(own) => {
            if version::is_at_least(own.py(), 11) {
                return LoopCore::make_task(own, coroutine, Some(context), None);
            }
            context::enter(context, || LoopCore::make_task(own, coroutine, None, None))
        }
        Ok(_) | Err(_) => context::enter(context, || {
            inside::enter(whole)?;
            event_loop.call_method1("create_task", (coroutine,))
        }),
    }
}
