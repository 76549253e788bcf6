//! A call whose caller does not wait: its outcome goes to a future of `concurrent.futures`.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::phase::Cancel;

use crate::caller::{stop, stop_awaited};
use crate::finish::withdraw;
use crate::loop_side::cancel::cancel;
use crate::model::{Answer, Call, RunnerCore, Work};
use crate::policy::deadline;
use crate::policy::errors::name_of;
use crate::policy::own_variables::is_ours;
use crate::python::names::names;
use crate::python::{context, inside, sniffed};
use crate::send::{Sent, send, send_here};

#[pymethods]
impl RunnerCore {
    /// Put a call in and do not wait: `future` is settled on the loop thread when it ends. False if the
    /// runner takes no calls any more. Runs in this context, or in a copy of the current one, without its time limit.
    /// `is_kept` says whether others run in it, too; `here`, that the calling thread will turn the loop next.
    #[expect(clippy::too_many_arguments, reason = "one more than for a call that is waited for")]
    #[pyo3(signature = (async_fn, args, kwargs, future, context = None, is_kept = true, here = false))]
    fn submit(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
        future: &Bound<'_, PyAny>,
        context: Option<Py<PyAny>>,
        is_kept: bool,
        here: bool,
    ) -> PyResult<bool> {
        let (py, core) = (slf.py(), slf.get());
        let (context, is_kept) = match context {
            Some(context) => (context, is_kept),
            None => (without_limit(py)?, false),
        };
        let (args, kwargs) = (args.clone().unbind(), kwargs.clone().unbind());
        let work = Work::Function { args, kwargs, context, is_kept };
        let answer = Answer::Future(future.clone().unbind());
        let call = Call::new(slf.clone().unbind(), async_fn, work, answer, Instant::now());
        let call = Bound::new(py, call)?;
        // Before it may be settled, which may put in another one.
        future.setattr(&names(py).submitted_call, &call)?;
        let sent = if here { send_here(&call) } else { send(&call) };
        if matches!(sent, Ok(Sent::Refused)) {
            let never_ran = core.never_ran_error(py, || name_of(async_fn));
            return never_ran.map_or(Ok(false), Err);
        }
        core.counts.entered.add(1);
        // What a signal handler raises in here is the caller's: the call runs, and its future with it
        // is lost, as if the signal had come a moment later.
        sent.map(|_| true)
    }
}

/// A copy of the current context, without the time limit in force: nor does that limit what the call makes, which may
/// go on for longer than the block.
fn without_limit(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let context = sniffed::copy_context(py)?;
    if deadline::in_force(py)?.is_some() {
        deadline::give(context.bind(py), None)?;
    }
    if inside::is_in_use() {
        inside::bar_in(context.bind(py), "nobody waits for the call that it is asked for in")?;
    }
    Ok(context)
}

/// Set here what a call has changed, that has begun in the one context and ended in the other.
///
/// # Errors
/// `MemoryError`.
#[pyfunction]
pub(crate) fn bring_back(before: &Bound<'_, PyAny>, after: &Bound<'_, PyAny>) -> PyResult<()> {
    context::bring_back(before, after, is_ours)
}

#[pymethods]
impl Call {
    /// Have the task cancelled, or the call not started. From any thread.
    #[pyo3(name = "cancel")]
    fn cancel_from_python(slf: &Bound<'_, Self>) -> PyResult<()> {
        stop(slf)
    }

    /// The same at once, on a loop that nobody runs, by the thread that would: its task hears of it before it is run again.
    fn cancel_here(slf: &Bound<'_, Self>) {
        if withdraw(slf) == Cancel::Interrupt {
            cancel(slf);
        }
    }

    /// The same, for who awaits it: each time anew, with this message.
    fn cancel_awaited(slf: &Bound<'_, Self>, message: Bound<'_, PyAny>) -> PyResult<()> {
        stop_awaited(slf, message)
    }

    /// How many of those its task has got. The others have come too late, or too early.
    #[getter]
    fn cancellations(&self) -> usize {
        self.noted_cancellations()
    }
}
