//! What runs on a thread that turns a loop of ours inside of it: put aside, and let go on after.
//!
//! That is asyncio's running loop and its task (Jupyter's), its hooks for asynchronous generators, and the async
//! library that the thread is said to run (trio). Whoever turns a loop on a thread that is not its own comes through
//! here, to drive a call or to unwind, so that code on the loop sees the same in both.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::suspended::{resume_task, suspend_task};
use crate::event_loop::LoopCore;
use crate::model::{Drive, Driver, RunnerCore};
use crate::policy::chain::after;
use crate::python::attached::Attached;
use crate::python::running_loop::running_loop;
use crate::python::sniffed;

/// What ran on this thread before, to go on after.
pub(super) struct Outer {
    running: Option<Py<PyAny>>,
    hooks: Py<PyAny>,
    task: Option<Py<PyAny>>,
    /// The async library that this thread was said to run.
    library: sniffed::Outer,
}

impl Outer {
    /// Put it aside: `inner` is the running loop from here on. None if that will say so itself.
    ///
    /// # Errors
    /// What asyncio's functions raise: then nothing is put aside.
    pub(super) fn put_aside(
        driver: &Driver,
        py: Python<'_>,
        inner: Option<&Bound<'_, LoopCore>>,
    ) -> PyResult<Self> {
        let running = running_loop(py)?.map(Bound::unbind);
        let hooks = driver.get_hooks.call0(py)?;
        let mut outer = Self { running, hooks, task: None, library: sniffed::Outer::default() };
        match outer.give_way(driver, py, inner) {
            Ok(()) => Ok(outer),
            Err(error) => Err(match outer.go_on(driver, py) {
                Ok(()) => error,
                Err(later) => after(py, later, error),
            }),
        }
    }

    fn give_way(
        &mut self,
        driver: &Driver,
        py: Python<'_>,
        inner: Option<&Bound<'_, LoopCore>>,
    ) -> PyResult<()> {
        self.library = sniffed::suspend(py)?;
        if let Some(running) = &self.running {
            self.task = suspend_task(running.bind(py))?;
        }
        driver.set_running_loop.call1(py, (inner,))?;
        if inner.is_some() {
            driver.set_hooks.call1(py, driver.hooks.bind(py))?;
        }
        Ok(())
    }

    /// It goes on: all of it, whatever a part of that raises.
    ///
    /// # Errors
    /// As `put_aside`.
    pub(super) fn go_on(self, driver: &Driver, py: Python<'_>) -> PyResult<()> {
        let Self { running, hooks, task, library } = self;
        let mut gone_on = Ok(());
        insist(py, &mut gone_on, || driver.set_running_loop.call1(py, (&running,)).map(drop));
        insist(py, &mut gone_on, || {
            driver.set_hooks.call1(py, hooks.bind(py).cast::<PyTuple>()?).map(drop)
        });
        if let Some((running, task)) = running.zip(task) {
            insist(py, &mut gone_on, || resume_task(running.bind(py), task.bind(py)));
        }
        insist(py, &mut gone_on, || library.resume(py));
        gone_on
    }
}

/// Do this, and again if it fails: what has failed once (for want of memory, or since an audit hook refused) may not
/// fail twice, and left undone it fails for ever.
fn insist(py: Python<'_>, done: &mut PyResult<()>, step: impl Fn() -> PyResult<()>) {
    for _ in 0..2 {
        let Err(error) = step() else { return };
        *done = Err(match std::mem::replace(done, Ok(())) {
            Ok(()) => error,
            Err(before) => after(py, error, before),
        });
    }
}

/// `PutAside(core)`: a context manager around the turning of its loop by the loop's own methods.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct PutAside {
    core: Py<RunnerCore>,
    outer: Attached<Option<Outer>>,
}

#[pymethods]
impl PutAside {
    #[new]
    fn new(core: Py<RunnerCore>) -> Self {
        Self { core, outer: Attached::default() }
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<()> {
        if let Drive::Caller(driver) = &self.core.get().drive {
            let outer = Outer::put_aside(driver, py, None)?;
            let before = self.outer.with(py, |kept| kept.replace(outer));
            drop(before);
        }
        Ok(())
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, PyTuple>) -> PyResult<()> {
        let outer = self.outer.with(py, Option::take);
        match (outer, &self.core.get().drive) {
            (Some(outer), Drive::Caller(driver)) => outer.go_on(driver, py),
            _ => Ok(()),
        }
    }
}
