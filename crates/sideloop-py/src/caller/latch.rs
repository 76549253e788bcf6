//! A latch: closed until it is opened, for good. Threads and greenlets wait for that.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::handoff::{Completer, Wait};

use super::pause::Pause;
use crate::policy::deadline::bounded;
use crate::python::attached::Attached;

/// `Latch()`: waited for natively, so that a signal handler that runs meanwhile may wait for it, too.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Latch(Attached<State>);

enum State {
    /// With who waits.
    Closed(Vec<Completer>),
    Open,
}

#[pymethods]
impl Latch {
    #[new]
    fn new() -> Self {
        Self(Attached::new(State::Closed(Vec::new())))
    }

    /// Open it. Idempotent.
    fn open(&self, py: Python<'_>) {
        let before = self.0.with(py, |state| std::mem::replace(state, State::Open));
        if let State::Closed(waiting) = before {
            waiting.into_iter().for_each(Completer::complete);
        }
    }

    #[getter]
    fn is_open(&self, py: Python<'_>) -> bool {
        self.0.with(py, |state| matches!(state, State::Open))
    }

    /// Wait until it is open, for so many seconds at most. Blocks, detached. Returns whether it is.
    ///
    /// # Errors
    /// What a signal handler raises.
    fn wait(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let end = Instant::now() + bounded(seconds);
        let (completer, pause) = Pause::new()?;
        let open = self.0.with(py, |state| match state {
            State::Closed(waiting) => {
                waiting.push(completer);
                None
            }
            State::Open => Some(completer),
        });
        Ok(open.is_some() || pause.wait_until(py, Some(end))? != Wait::TimedOut)
    }
}
