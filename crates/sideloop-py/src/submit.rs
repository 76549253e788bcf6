//! A call whose caller does not wait: its outcome goes to a future of `concurrent.futures`.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::entry::Push;
use sideloop_core::phase::Cancel;

use crate::call::{Answer, Call, Work};
use crate::context;
use crate::entry::Message;
use crate::outcome::{Outcome, is_cancelled};
use crate::runner::RunnerCore;

#[pymethods]
impl RunnerCore {
    /// Put a call in and do not wait: `future` is settled on the loop thread when it ends. False if the
    /// runner takes no calls any more.
    fn submit(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
        future: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let (py, core) = (slf.py(), slf.get());
        let work = Work::Function {
            args: args.clone().unbind(),
            kwargs: kwargs.clone().unbind(),
            context: context::copy_current(py)?,
        };
        let answer = Answer::Future(future.clone().unbind());
        let call = Call::new(slf.clone().unbind(), async_fn, work, answer, Instant::now());
        let call = Bound::new(py, call)?;
        // Before it may be settled, which may put in another one.
        future.setattr("call", &call)?;
        match core.entry.push(Message::Start(call.clone().unbind())) {
            Ok(Push::Wake) => core.entry.ring(),
            Ok(Push::Awake) => {}
            Err(_) => return Ok(false),
        }
        core.counts.entered.add(1);
        // What a signal handler raises in here is the caller's: the call runs, and its future with it
        // is lost, as if the signal had come a moment later.
        Self::ring_attached(slf)?;
        Ok(true)
    }
}

#[pymethods]
impl Call {
    /// Have the task cancelled, or the call not started. From any thread.
    fn cancel(slf: &Bound<'_, Self>) {
        let (py, call) = (slf.py(), slf.get());
        match call.phase.cancel() {
            Cancel::NeverRan => {
                call.runner(py).get().counts.cancelled.add(1);
                if let Some(Answer::Future(future)) = call.take_answer(py) {
                    let _ = settle(future.bind(py), Outcome::NotStarted);
                }
            }
            Cancel::Interrupt => RunnerCore::send_cancel(call.runner(py), slf),
            Cancel::Nothing => {}
        }
    }
}

impl RunnerCore {
    /// Enter what a call came to that nobody waits for.
    pub(crate) fn count(&self, py: Python<'_>, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Value(_) => &self.counts.returned,
            Outcome::Error(error) if is_cancelled(error.value(py)) => &self.counts.cancelled,
            Outcome::Error(_) => &self.counts.failed,
            Outcome::NotStarted => &self.counts.sent_back,
        };
        count.add(1);
    }
}

/// Give the future its outcome; returns an error that nobody can see there.
pub(crate) fn settle(future: &Bound<'_, PyAny>, outcome: Outcome) -> Option<PyErr> {
    let py = future.py();
    let settled = match &outcome {
        Outcome::Value(value) => future.call_method1("settle_value", (value,)),
        Outcome::Error(error) => future.call_method1("settle_error", (error.value(py),)),
        Outcome::NotStarted => future.call_method0("settle_not_started"),
    };
    match (settled.and_then(|seen| seen.is_truthy()), outcome) {
        (Ok(false), Outcome::Error(error)) => Some(error),
        (Ok(_), _) => None,
        (Err(error), _) => Some(error),
    }
}
