//! The end of a loop: who ended it, and who has been told.

use pyo3::prelude::*;

use crate::model::{Drive, RunnerCore};
use crate::policy::chain::because_of;
use crate::policy::errors::Error;
use crate::python::lock::lock;

/// Why a loop ended.
pub(crate) struct End {
    pub(crate) by: EndedBy,
    /// The exception that left `run_forever`, if one did.
    pub(crate) reason: Option<Py<PyAny>>,
    /// A caller has got that.
    pub(crate) told: bool,
}

/// Who ended a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// It was asked to: `close()`, the exit, or a caller that found it stuck.
    Us,
    /// The user's code did it: `loop.stop()`, or an exception.
    User,
    /// Nobody, and no call had begun on it: its own methods do not run it. Another one like it would not, either.
    Itself,
}

impl RunnerCore {
    /// The loop has ended.
    pub(crate) fn set_end(&self, end: End) {
        let before = lock(&self.end).replace(end);
        drop(before);
    }

    /// The error for a call whose loop ended before it did.
    pub(crate) fn stopped_error(&self, py: Python<'_>, call: String) -> PyErr {
        // A statement of its own: the error's constructor is Python code.
        let end = lock(&self.end)
            .as_ref()
            .map(|end| (end.by, end.reason.as_ref().map(|reason| reason.clone_ref(py))));
        match end {
            Some((EndedBy::User, reason)) => {
                Error::LoopStopped.raise(py, (self.name(py), call, reason))
            }
            Some((EndedBy::Itself, reason)) => {
                Error::LoopNeverRan.raise(py, (self.name(py), call, reason))
            }
            Some((EndedBy::Us, Some(reason))) => {
                let error = Error::RunnerClosed.raise(py, (self.name(py), call));
                because_of(py, error, PyErr::from_value(reason.into_bound(py)))
            }
            Some((EndedBy::Us, None)) | None => {
                Error::RunnerClosed.raise(py, (self.name(py), call))
            }
        }
    }

    /// Whether a call that was not started here would be no more so on another loop like this one.
    pub(crate) fn never_ran(&self) -> bool {
        let by = lock(&self.end).as_ref().map(|end| end.by);
        by == Some(EndedBy::Itself) && !self.entry.is_orphaned()
    }

    /// The error for such a call.
    pub(crate) fn never_ran_error(
        &self,
        py: Python<'_>,
        call: impl FnOnce() -> String,
    ) -> Option<PyErr> {
        self.never_ran().then(|| {
            self.end_is_told();
            self.stopped_error(py, call())
        })
    }

    /// A caller has got the error for the end of the loop.
    pub(crate) fn end_is_told(&self) {
        if let Some(end) = &mut *lock(&self.end) {
            end.told = true;
        }
    }

    /// A caller has got this exit, which leaves the loop as well, or has left it.
    ///
    /// # Errors
    /// What the loop's `call_soon` raises.
    pub(crate) fn exit_is_told(slf: &Bound<'_, Self>, exit: Py<PyAny>) -> PyResult<()> {
        let (py, core) = (slf.py(), slf.get());
        if let Some(end) = &mut *lock(&core.end) {
            end.told |= end.reason.as_ref().is_some_and(|reason| reason.is(&exit));
            return Ok(());
        }
        let (Drive::Thread, None, Some(tasks)) = (&core.drive, &core.own_loop, core.tasks.get())
        else {
            return Ok(());
        };
        // A loop of another kind may run a task's callbacks before what the task raised leaves it.
        let before = core.told_exit.with(py, |told| told.replace(exit));
        drop(before);
        tasks.call_soon(&slf.getattr("forget_exit")?)
    }

    /// Whether it is this exit that a caller got in the turn that ran last.
    pub(crate) fn has_told(&self, exit: &Bound<'_, PyAny>) -> bool {
        let told = self.told_exit.with(exit.py(), Option::take);
        told.is_some_and(|told| told.is(exit))
    }

    /// The exception that ended the loop, if no caller has got it.
    pub(crate) fn untold_end(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let reason = |end: &End| end.reason.as_ref().map(|reason| reason.clone_ref(py));
        lock(&self.end).as_ref().filter(|end| !end.told).and_then(reason)
    }
}
