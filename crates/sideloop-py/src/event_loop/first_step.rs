//! The first step of a call's task, run without a handle.
//!
//! A task schedules its first step when it is made. While nothing else is ready that step is what runs next
//! in any case, so it is held back here, and run by whoever made the task.

use std::ffi::CStr;
use std::os::raw::c_ulong;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::core::LoopCore;
use super::failed;
use super::overrides::Method;
use crate::python::attached::Attached;
use crate::python::context;

/// The flag of classes that nobody changes, as those in C are (`Py_TPFLAGS_IMMUTABLETYPE`).
const IMMUTABLE: c_ulong = 1 << 8;

/// Where the first step of the task that is being made is held back.
#[derive(Default)]
pub(super) struct Hold {
    // ORDERING: Relaxed: read and written attached, by the thread that runs the loop.
    wanted: AtomicBool,
    step: Attached<Option<FirstStep>>,
}

impl Hold {
    /// Take the callback that is held back, if one is.
    pub(super) fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let held = self.step.with(py, Option::take)?;
        Some(held.step.into_bound(py))
    }
}

/// The step, its loop, and the context to run it in.
#[must_use = "a task whose first step is not run never ends"]
pub(crate) struct FirstStep {
    event_loop: Py<LoopCore>,
    step: Py<PyAny>,
    context: Py<PyAny>,
}

impl LoopCore {
    /// Make a task, and hold back its first step if nothing else is to run before, and nobody else looks at
    /// what is scheduled.
    pub(crate) fn hold_first_step<'py>(
        slf: &Bound<'py, Self>,
        make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Option<FirstStep>)> {
        let (py, core) = (slf.py(), slf.get());
        let hold = &core.hold;
        let wanted = Self::makes_tasks_plainly(slf) && Self::keeps(slf, Method::CallSoon);
        hold.wanted.store(wanted, Ordering::Relaxed);
        let made = make();
        hold.wanted.store(false, Ordering::Relaxed);
        let held = hold.step.with(py, Option::take);
        made.map(|task| (task, held))
    }

    /// Hold this callback without arguments back, if it is the first step that is asked for.
    pub(super) fn holds(
        slf: &Bound<'_, Self>,
        callback: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        let (py, core) = (slf.py(), slf.get());
        let hold = &core.hold;
        let Some(context) = context.filter(|_| hold.wanted.load(Ordering::Relaxed)) else {
            return false;
        };
        // Anything else may want its handle.
        if !is_task_step(callback) || !context::is_context(context) {
            return false;
        }
        // Of another thread, which makes a task here while this loop's own does.
        if cfg!(Py_GIL_DISABLED) && core.runs_elsewhere() {
            return false;
        }
        if core.has_ready(py) {
            return false;
        }
        hold.wanted.store(false, Ordering::Relaxed);
        let first_step = FirstStep {
            event_loop: slf.clone().unbind(),
            step: callback.clone().unbind(),
            context: context.clone().unbind(),
        };
        hold.step.with(py, |step| *step = Some(first_step));
        true
    }
}

impl FirstStep {
    /// Run it, as its handle would.
    ///
    /// # Errors
    /// `SystemExit` and `KeyboardInterrupt`; any other exception goes to the loop's exception handler.
    pub(crate) fn run(self, py: Python<'_>) -> PyResult<()> {
        let event_loop = self.event_loop.into_bound(py);
        let (step, context) = (self.step.into_bound(py), self.context.into_bound(py));
        let done = context::enter(&context, || step.call0().map(drop));
        failed::settle(&event_loop, done, || {
            let class = py.import("asyncio.events")?.getattr("Handle")?;
            class.call1((step, PyTuple::empty(py), &event_loop, context))
        })
    }
}

/// Whether this is what asyncio's own task, the one in C, schedules for its next step.
fn is_task_step(callback: &Bound<'_, PyAny>) -> bool {
    let class = callback.get_type_ptr();
    // SAFETY: attached; a class lives as long as its instances.
    if cfg!(Py_GIL_DISABLED) && unsafe { ffi::PyType_GetFlags(class) } & IMMUTABLE == 0 {
        // Another thread may give it another name now.
        return false;
    }
    // SAFETY: attached; a class lives as long as its instances, and so does its name.
    let name = unsafe { CStr::from_ptr((*class).tp_name) };
    name.to_bytes().ends_with(b"TaskStepMethWrapper")
}
