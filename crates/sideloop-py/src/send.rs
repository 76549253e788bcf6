//! Put a call into a runner's entry, and wake its loop.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::entry::Push;

use crate::model::{Call, RunnerCore};
use crate::policy::chain::after;
use crate::policy::interrupt::TRIES;
use crate::python::names::names;
use crate::tasks::TaskMaker;

/// Whether a call has come in.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    In,
    /// The entry is closed. What is left on the loop unwinds.
    Refused,
}

/// Put a call in, to be started, or cancelled if it has been asked to stop. Does not wait.
///
/// # Errors
/// What a signal handler raises meanwhile: the call is in all the same.
pub(crate) fn send(call: &Bound<'_, Call>) -> PyResult<Sent> {
    put_in(call, ring_attached)
}

/// The same, to a loop that nobody runs, by the thread that will turn it next: it need not be woken.
///
/// # Errors
/// As `send`.
pub(crate) fn send_here(call: &Bound<'_, Call>) -> PyResult<Sent> {
    put_in(call, |runner| ring_by(runner, TaskMaker::call_soon))
}

fn put_in(
    call: &Bound<'_, Call>,
    ring: impl FnOnce(&Bound<'_, RunnerCore>) -> PyResult<()>,
) -> PyResult<Sent> {
    let runner = call.get().runner(call.py());
    let entry = &*runner.get().entry;
    match entry.push(call.clone().into_any().unbind()) {
        Ok(Push::Wake) => entry.ring(),
        Ok(Push::Awake) => {}
        Err(_) => return Ok(Sent::Refused),
    }
    ring(runner).map(|()| Sent::In)
}

/// Have a loop call this, from any thread. A loop that is closed calls nothing any more, and needs not.
///
/// # Errors
/// What a signal handler raises meanwhile: it is called all the same.
pub(crate) fn tell_loop(
    py: Python<'_>,
    event_loop: &Py<PyAny>,
    callback: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let event_loop = event_loop.bind(py);
    insist(event_loop, || {
        event_loop.call_method1(names(py).call_soon_threadsafe.bind(py), (callback,)).map(drop)
    })
}

/// Wake a loop that somebody else wrote. Its waking is Python code, in which a signal handler may
/// raise: the loop is woken all the same, and the exception comes back.
///
/// # Errors
/// That exception.
pub(crate) fn ring_attached(runner: &Bound<'_, RunnerCore>) -> PyResult<()> {
    ring_by(runner, TaskMaker::call_soon_threadsafe)
}

fn ring_by(
    runner: &Bound<'_, RunnerCore>,
    call: impl Fn(&TaskMaker, &Bound<'_, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let (py, core) = (runner.py(), runner.get());
    let Some(tasks) = core.tasks.get().filter(|_| !core.is_native()) else { return Ok(()) };
    insist(tasks.event_loop.bind(py), || {
        let drain = runner.getattr(names(py).drain.bind(py))?;
        call(tasks, &drain)
    })
}

/// Do this until it has not been interrupted, or the loop is closed.
fn insist(event_loop: &Bound<'_, PyAny>, ring: impl Fn() -> PyResult<()>) -> PyResult<()> {
    let py = event_loop.py();
    let mut interrupted = Ok(());
    for _ in 0..TRIES {
        let Err(error) = ring() else { break };
        match event_loop.call_method0(names(py).is_closed.bind(py)).and_then(|it| it.is_truthy()) {
            Ok(false) => interrupted = interrupted.and(Err(error)),
            // Its thread is past its last look, and answers by itself. That it says so is no news.
            Ok(true) if error.get_type(py).is(py.get_type::<PyRuntimeError>()) => break,
            Ok(true) => return interrupted.and(Err(error)),
            Err(later) => interrupted = interrupted.and(Err(after(py, later, error))),
        }
    }
    interrupted
}
