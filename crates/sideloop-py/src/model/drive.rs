//! Who runs a loop: a thread of its own, the caller while it waits, or somebody else.
//!
//! A loop that the caller drives is kept between calls, but turns only during them: what is left on it
//! waits for the next call. It belongs to the thread that made it, since tasks that wander between threads
//! break greenlets, thread-locals and sqlite3.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::python::thread;

/// Who runs the loop.
pub(crate) enum Drive {
    /// A thread of its own.
    Thread,
    /// The caller, while it waits.
    Caller(Driver),
    /// Somebody else.
    Other(Guest),
}

/// What driving a loop takes: Python's functions for it, looked up once.
pub(crate) struct Driver {
    /// By what never recycles, as thread idents do.
    owner: u64,
    // ORDERING: Relaxed throughout: read and written attached.
    driving: AtomicBool,
    pub(crate) end: Py<PyAny>,
    pub(crate) set_running_loop: Py<PyAny>,
    pub(crate) get_hooks: Py<PyAny>,
    pub(crate) set_hooks: Py<PyAny>,
    /// The asynchronous generator hooks of the loop: the arguments of `set_hooks`.
    pub(crate) hooks: Py<PyTuple>,
    /// Kept for the loop's `_thread_id`.
    pub(crate) ident: Py<PyAny>,
}

impl Driver {
    pub(crate) fn new(event_loop: &Bound<'_, PyAny>, end: Py<PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let (events, sys) = (py.import("asyncio.events")?, py.import("sys")?);
        let hook = |name| event_loop.getattr(name);
        let (first, last) = (hook("_asyncgen_firstiter_hook")?, hook("_asyncgen_finalizer_hook")?);
        Ok(Self {
            owner: thread::number(),
            driving: AtomicBool::new(false),
            end,
            set_running_loop: events.getattr("_set_running_loop")?.unbind(),
            get_hooks: sys.getattr("get_asyncgen_hooks")?.unbind(),
            set_hooks: sys.getattr("set_asyncgen_hooks")?.unbind(),
            hooks: PyTuple::new(py, [first, last])?.unbind(),
            ident: py.import("threading")?.call_method0("get_ident")?.unbind(),
        })
    }

    /// Whether the calling thread is the one that drives the loop.
    pub(crate) fn is_mine(&self) -> bool {
        thread::number() == self.owner
    }

    pub(crate) fn is_driving(&self) -> bool {
        self.driving.load(Ordering::Relaxed)
    }

    /// The calling thread drives from here on; false if it, or another call further out, does already.
    #[must_use]
    pub(crate) fn begin_driving(&self) -> bool {
        !self.driving.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn end_driving(&self) {
        self.driving.store(false, Ordering::Relaxed);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.end)?;
        visit.call(&self.hooks)
    }
}

/// Somebody else's loop, as its guest sees it.
pub(crate) struct Guest {
    pub(crate) event_loop: Py<PyAny>,
    /// When it was last seen to run; before that, when it was first asked.
    pub(crate) ran: Mutex<Instant>,
    /// For how long it may not run, before a call on it is given up.
    pub(crate) patience: Duration,
}

impl Guest {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)
    }

    pub(crate) fn new(event_loop: &Bound<'_, PyAny>, patience: Duration) -> Self {
        let event_loop = event_loop.clone().unbind();
        Self { event_loop, ran: Mutex::new(Instant::now()), patience }
    }

    /// What messages call it.
    pub(super) fn name(&self, py: Python<'_>) -> String {
        let event_loop = self.event_loop.bind(py);
        event_loop.repr().map_or_else(|_| "a loop without a repr".into(), |name| name.to_string())
    }
}
