//! The current task of a loop that waits meanwhile, since its thread turns another one inside of it.
//!
//! Since CPython 3.14 a thread has one current task, whatever its loop. So that of the outer loop is taken out, and asyncio
//! knows it no more until it goes on: who has to know, as when its call is stopped, asks here, too.

use pyo3::prelude::*;

use crate::python::attached::Attached;
use crate::python::version;

static SUSPENDED: Attached<Vec<Py<PyAny>>> = Attached::new(Vec::new());

/// Take out the current task of the loop that runs on the calling thread, and return it. None where there is none, and
/// where that is not needed.
///
/// # Errors
/// What asyncio's functions raise: then it is as before.
#[pyfunction]
pub(crate) fn suspend_task(running: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
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
    let task = task.unbind();
    let kept = task.clone_ref(py);
    SUSPENDED.with(py, |suspended| suspended.push(kept));
    Ok(Some(task))
}

/// Have it be the current one again.
///
/// # Errors
/// The same: then the loop has none.
#[pyfunction]
pub(crate) fn resume_task(running: &Bound<'_, PyAny>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = running.py();
    let tasks = py.import("asyncio.tasks")?;
    let entered = tasks.call_method1("_enter_task", (running, task)).map(drop);
    let kept = SUSPENDED.with(py, |suspended| {
        let last = suspended.iter().rposition(|one| one.is(task));
        last.map(|at| suspended.swap_remove(at))
    });
    drop(kept);
    entered
}

/// Whether this is the current task of a loop that waits so.
pub(super) fn is_suspended(task: &Bound<'_, PyAny>) -> bool {
    SUSPENDED.with(task.py(), |suspended| suspended.iter().any(|one| one.is(task)))
}
