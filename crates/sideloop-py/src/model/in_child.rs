//! A runner in the child of a fork that was made by what runs on its loop: the loop's thread is the only one there.

use std::sync::atomic::Ordering;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::model::{Call, Drive, RunnerCore, turn_for};
use crate::policy::outcome::Outcome;

impl RunnerCore {
    /// Whether this was inherited through a fork by the loop's own thread, which then is the only one: what runs on it
    /// has forked, and nobody waits for that.
    pub(crate) fn is_alone(&self) -> bool {
        self.entry.is_orphaned() && matches!(self.drive, Drive::Thread)
    }

    /// What has forked has ended in the child. Only the first end counts.
    pub(crate) fn ended_in_child(&self, py: Python<'_>, outcome: Outcome) {
        let error = match outcome {
            Outcome::Value(_) => None,
            Outcome::Error(error) => Some(error.into_value(py).into_any()),
            Outcome::NotStarted => return,
        };
        let late = self.child.with(py, |child| match child {
            None => {
                *child = Some(error);
                None
            }
            Some(_) => error,
        });
        drop(late);
    }

    /// A call that was just started has forked: unless it has ended there, it cannot.
    pub(crate) fn goes_on_in_child(&self, py: Python<'_>, call: &Bound<'_, Call>) {
        let error = self.unfinished(py, call.get().name(py));
        self.ended_in_child(py, Outcome::Error(error));
    }

    fn unfinished(&self, py: Python<'_>, what: String) -> PyErr {
        PyRuntimeError::new_err(format!(
            "{what} has forked, and the child cannot go on with it: it would have to wait, and the loop of \
             runner '{}' runs in the parent process alone; let the child end without waiting \
             (os._exit, sys.exit, return), or have it call sideloop.run_sync",
            self.name(py),
        ))
    }
}

#[pymethods]
impl RunnerCore {
    /// Whether this is a fork's child, and the calling thread the loop's own.
    #[getter]
    fn alone(&self) -> bool {
        self.is_alone() && self.on_loop_thread()
    }

    /// In a fork's child, the loop thread has left the loop: how what has forked has ended there, as `(exception,)` or
    /// `(None,)`. None if it is not known here.
    fn leave_in_child(&self, py: Python<'_>) -> Option<(Option<Py<PyAny>>,)> {
        self.loop_thread.store(0, Ordering::Relaxed);
        drop(turn_for(py, None));
        self.child.with(py, Option::take).map(|error| (error,))
    }

    /// The error for what has forked and is called `what`, if in the child it does not end.
    fn unfinished_error<'py>(&self, py: Python<'py>, what: String) -> Bound<'py, PyAny> {
        self.unfinished(py, what).into_value(py).into_bound(py).into_any()
    }
}
