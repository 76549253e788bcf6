//! What is left on the loop of a runner, for who ends it.

use pyo3::prelude::*;
use sideloop_core::host::Leftover;

use super::RunnerCore;

type Tasks = Vec<Py<PyAny>>;

#[pymethods]
impl RunnerCore {
    /// How many of those that run anybody can still hear of.
    #[getter]
    fn asked_for(&self, py: Python<'_>) -> usize {
        self.running
            .with(py, |calls| calls.values().filter(|call| call.get().is_asked_for(py)).count())
    }

    /// `(unwinding, resting, running)`: the tasks of calls and hosts. Those that clean up already; those that have yet
    /// to be told; and those that may have been cancelled by others. A task may be in more than one list: what an
    /// earlier one says holds.
    fn leftovers(&self, py: Python<'_>) -> (Tasks, Tasks, Tasks) {
        let mut found = (Vec::new(), Vec::new(), Vec::new());
        for host in self.hosts(py) {
            let host = host.get();
            let Some(task) = host.task.get().map(|task| task.clone_ref(py)) else { continue };
            match host.with(py, |state| state.leftover()) {
                Leftover::Unwinds => found.0.push(task),
                Leftover::Rests => found.1.push(task),
                Leftover::Steps => found.2.push(task),
            }
        }
        self.running.with(py, |calls| {
            for call in calls.values().map(Py::get) {
                let Some(task) = call.task(py).map(Bound::unbind) else { continue };
                if call.has_heard_cancel() { found.0.push(task) } else { found.2.push(task) }
            }
        });
        found
    }

    /// The tasks whose callers have left: they were cancelled, had their grace, and were named.
    fn abandoned_tasks(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.running.with(py, |calls| {
            let abandoned = calls.values().filter(|call| call.get().is_abandoned());
            abandoned.filter_map(|call| call.get().task(py)).map(Bound::unbind).collect()
        })
    }
}
