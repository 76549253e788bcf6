//! Who runs the loop: a thread of its own, or the caller while it waits.
//!
//! A loop that the caller drives is kept between calls, but turns only during them: what is left on it
//! waits for the next call. It belongs to the thread that made it, since tasks that wander between threads
//! break greenlets, thread-locals and sqlite3.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::Instant;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sideloop_core::phase::{Abandon, Cancel};

use crate::call::Call;
use crate::cancel::{Ended, Patience, Step};
use crate::errors::Error;
use crate::event_loop::{LoopCore, turn};
use crate::guest::Guest;
use crate::handoff::next_look;
use crate::outcome::Outcome;
use crate::runner::RunnerCore;
use crate::{nesting, thread, version};

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
    owner: ThreadId,
    driving: AtomicBool,
    end: Py<PyAny>,
    get_running_loop: Py<PyAny>,
    set_running_loop: Py<PyAny>,
    get_hooks: Py<PyAny>,
    set_hooks: Py<PyAny>,
    /// The asynchronous generator hooks of the loop, as keyword arguments of `set_hooks`.
    hooks: Py<PyDict>,
    /// Kept for the loop's `_thread_id`.
    ident: Mutex<Py<PyAny>>,
}

impl Driver {
    pub(crate) fn new(event_loop: &Bound<'_, PyAny>, end: Py<PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let (events, sys) = (py.import("asyncio.events")?, py.import("sys")?);
        let hooks = PyDict::new(py);
        hooks.set_item("firstiter", event_loop.getattr("_asyncgen_firstiter_hook")?)?;
        hooks.set_item("finalizer", event_loop.getattr("_asyncgen_finalizer_hook")?)?;
        let ident = py.import("threading")?.call_method0("get_ident")?.unbind();
        Ok(Self {
            owner: std::thread::current().id(),
            driving: AtomicBool::new(false),
            end,
            get_running_loop: events.getattr("_get_running_loop")?.unbind(),
            set_running_loop: events.getattr("_set_running_loop")?.unbind(),
            get_hooks: sys.getattr("get_asyncgen_hooks")?.unbind(),
            set_hooks: sys.getattr("set_asyncgen_hooks")?.unbind(),
            hooks: hooks.unbind(),
            ident: Mutex::new(ident),
        })
    }

    /// Whether the calling thread is the one that drives the loop.
    pub(crate) fn is_mine(&self) -> bool {
        std::thread::current().id() == self.owner
    }

    pub(crate) fn is_driving(&self) -> bool {
        // ORDERING: Relaxed throughout: read and written attached.
        self.driving.load(Ordering::Relaxed)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.end)?;
        visit.call(&self.hooks)
    }

    /// Start the call and turn the loop until it ends, or patience does.
    ///
    /// # Errors
    /// `RuntimeError` on another thread than the loop's own, `DeadlockError` inside of the loop itself.
    pub(crate) fn drive(
        &self,
        runner: &Bound<'_, RunnerCore>,
        call: &Bound<'_, Call>,
        patience: Patience,
    ) -> PyResult<Ended> {
        let py = runner.py();
        let core = runner.get();
        let Some(own_loop) = &core.own_loop else {
            return Err(PyRuntimeError::new_err(
                "a loop that the caller drives must be sideloop's",
            ));
        };
        if !self.is_mine() {
            return Err(PyRuntimeError::new_err(format!(
                "{} was not started: the loop of runner '{}' is driven by the thread that made its first \
                 call, and by no other; use a runner for each thread, or drive=\"thread\"",
                call.get().name(py),
                core.name(),
            )));
        }
        // Driven by a call further out, or run by the user's own code.
        if own_loop.get().runs(py) || self.driving.swap(true, Ordering::Relaxed) {
            return Err(Error::Deadlock.raise(py, (core.name(), call.get().name(py), [(); 0])));
        }
        let own_loop = own_loop.bind(py);
        let ended = self.enter(own_loop).and_then(|outer| {
            let before = nesting::turn_for(py, Some(runner.clone()));
            let ended = self.turn_until_ended(runner, own_loop, call, patience);
            drop(nesting::turn_for(py, before));
            outer.leave(self, own_loop)?;
            Ok(ended)
        });
        self.driving.store(false, Ordering::Relaxed);
        if own_loop.get().is_stopping() && core.entry.accepts() {
            // The user's code has stopped the loop. What is left on it unwinds, this call included.
            self.end.call1(py, (py.None(),))?;
            return Ok(match call.get().take_outcome(py) {
                Some(outcome) => Ended::Outcome(outcome),
                None => ended?,
            });
        }
        ended
    }

    fn turn_until_ended(
        &self,
        runner: &Bound<'_, RunnerCore>,
        own_loop: &Bound<'_, LoopCore>,
        call: &Bound<'_, Call>,
        mut patience: Patience,
    ) -> Ended {
        let py = runner.py();
        let (core, inside) = (runner.get(), call.get());
        let on_main = thread::is_main(py).unwrap_or(false);
        let started = core.start(call, inside.submitted, true);
        // What is ready needs no look at timers and files first, unless the last one is long ago.
        let mut turned = started.and_then(|()| {
            if turn::may_stay_blind(own_loop) {
                turn::run_ready(own_loop)
            } else {
                turn::run_once(own_loop, Some(0.0))
            }
        });
        loop {
            if inside.phase.is_done() {
                let outcome = inside.take_outcome(py).unwrap_or(Outcome::NotStarted);
                return patience.ended(py, outcome);
            }
            // An exception of a task that is a call is its outcome, and no interrupt.
            let interrupted = std::mem::replace(&mut turned, Ok(()))
                .err()
                .filter(|error| !core.is_outcome(py, error.value(py)).unwrap_or(false));
            match patience.step(interrupted, || inside.name(py)) {
                Step::Wait => {}
                Step::Report => {
                    if let Some(error) = RunnerCore::report_slow(call) {
                        turned = Err(error);
                        continue;
                    }
                }
                Step::Cancel => match inside.phase.cancel() {
                    Cancel::NeverRan => return patience.never_ran(),
                    Cancel::Interrupt => {
                        if let Err(error) = core.cancel(call) {
                            error.write_unraisable(py, Some(call));
                        }
                    }
                    Cancel::Nothing => {}
                },
                Step::Leave => match inside.phase.abandon() {
                    Abandon::Leave => return patience.left(),
                    Abandon::TakeOutcome => continue,
                },
            }
            if own_loop.get().is_stopping() {
                return patience.never_ran();
            }
            let now = Instant::now();
            let limit = next_look(on_main, now, patience.limit());
            let left = limit.map(|limit| limit.saturating_duration_since(now));
            turned = turn::run_once(own_loop, left.map(|left| left.as_secs_f64()));
        }
    }

    /// Make the loop the running one of this thread.
    fn enter(&self, own_loop: &Bound<'_, LoopCore>) -> PyResult<Outer> {
        let py = own_loop.py();
        let running = self.get_running_loop.call0(py)?;
        let hooks = self.get_hooks.call0(py)?;
        self.set_hooks.bind(py).call((), Some(self.hooks.bind(py)))?;
        let outer = Outer { running, hooks, task: None };
        let outer = outer.suspend_task(py)?;
        self.set_running_loop.call1(py, (own_loop,))?;
        let ident = crate::entry::lock(&self.ident).clone_ref(py);
        own_loop.get().set_thread_id(py, Some(ident));
        Ok(outer)
    }
}

/// What ran on this thread before, to go on after.
struct Outer {
    running: Py<PyAny>,
    hooks: Py<PyAny>,
    task: Option<Py<PyAny>>,
}

impl Outer {
    /// Since CPython 3.14 a thread has one current task, whatever its loop: put it aside.
    fn suspend_task(mut self, py: Python<'_>) -> PyResult<Self> {
        if self.running.is_none(py) || !version::is_at_least(py, 14) {
            return Ok(self);
        }
        let tasks = py.import("asyncio.tasks")?;
        let task = tasks.call_method1("current_task", (&self.running,))?;
        if !task.is_none() {
            tasks.call_method1("_leave_task", (&self.running, &task))?;
            self.task = Some(task.unbind());
        }
        Ok(self)
    }

    fn leave(self, driver: &Driver, own_loop: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = own_loop.py();
        own_loop.get().set_thread_id(py, None);
        driver.set_running_loop.call1(py, (&self.running,))?;
        driver.set_hooks.call1(py, self.hooks.bind(py).cast::<pyo3::types::PyTuple>()?)?;
        if let Some(task) = self.task {
            py.import("asyncio.tasks")?.call_method1("_enter_task", (&self.running, task))?;
        }
        Ok(())
    }
}
