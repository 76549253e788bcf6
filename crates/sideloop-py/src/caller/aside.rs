//! What runs on a thread that turns a loop of ours inside of it: put aside, and let go on after.
//!
//! That is asyncio's running loop and its task (Jupyter's), its hooks for asynchronous generators, and the async
//! library that the thread is said to run (trio). Whoever turns a loop on a thread that is not its own comes through
//! here, to drive a call or to unwind, so that code on the loop sees the same in both.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::model::{Drive, Driver, RunnerCore};
use crate::python::attached::Attached;
use crate::python::running_loop::running_loop;
use crate::python::{sniffed, version};

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
    /// What asyncio's functions raise.
    pub(super) fn put_aside(
        driver: &Driver,
        py: Python<'_>,
        inner: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let running = running_loop(py)?;
        let hooks = driver.get_hooks.call0(py)?;
        let library = sniffed::suspend(py)?;
        let task = running.as_ref().map_or(Ok(None), suspend_task)?;
        driver.set_running_loop.call1(py, (inner,))?;
        Ok(Self { running: running.map(Bound::unbind), hooks, task, library })
    }

    /// It goes on.
    ///
    /// # Errors
    /// As `put_aside`.
    pub(super) fn go_on(self, driver: &Driver, py: Python<'_>) -> PyResult<()> {
        driver.set_running_loop.call1(py, (&self.running,))?;
        driver.set_hooks.call1(py, self.hooks.bind(py).cast::<PyTuple>()?)?;
        if let Some(task) = self.task {
            py.import("asyncio.tasks")?.call_method1("_enter_task", (&self.running, task))?;
        }
        self.library.resume(py)
    }
}

/// The current task of the loop that runs: since CPython 3.14 a thread has one, whatever its loop.
fn suspend_task(running: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    let py = running.py();
    if !version::is_at_least(py, 14) {
        return Ok(None);
    }
    let tasks = py.import("asyncio.tasks")?;
    let task = tasks.call_method1("current_task", (running,))?;
    if task.is_none() {
        return Ok(None);
    }
    tasks.call_method1("_leave_task", (running, &task))?;
    Ok(Some(task.unbind()))
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
