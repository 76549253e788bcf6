//! A step whose caller does not wait here: its outcome goes to a future, which is awaited on another loop.

use std::time::Instant;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::Kind;

use super::step::after_the_end;
use crate::model::{Answer, Call, Host, RunnerCore, Step, Variables, Work};
use crate::policy::deadline;
use crate::python::sniffed;
use crate::send::{Sent, send};

#[pymethods]
impl Host {
    /// Put a step in and do not wait: `future` is settled on the loop thread when it ends. The first one is what
    /// has the host's task made, on the loop of `core`. False if that takes no calls any more.
    fn submit(
        slf: &Bound<'_, Self>,
        core: &Bound<'_, RunnerCore>,
        kind: &str,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        future: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let (py, kind) = (slf.py(), kind_of(kind)?);
        take_context_along(slf)?;
        let work = Work::Step(Step::new(slf, kind, async_fn.as_unbound(), Some(args)));
        let answer = Answer::Future(future.clone().unbind());
        let name = slf.get().async_fn.bind(py);
        let call = Call::new(core.clone().unbind(), name, work, answer, Instant::now());
        let call = Bound::new(py, call)?;
        // Before it may be settled.
        future.setattr("call", &call)?;
        let sent = send(&call);
        if matches!(sent, Ok(Sent::Refused)) {
            return Ok(false);
        }
        core.get().counts.entered.add(1);
        sent.map(|_| true)
    }

    /// What a step gets that is refused, since the loop takes none any more. Blocks, detached, while that unwinds.
    fn late(slf: &Bound<'_, Self>, kind: &str) -> PyResult<Py<PyAny>> {
        let (py, kind) = (slf.py(), kind_of(kind)?);
        match slf.get().core.get() {
            Some(core) => after_the_end(slf, core.bind(py), kind),
            None => Ok(py.None()),
        }
    }

    /// Where its task runs, if that was made.
    #[getter]
    fn served_by(&self, py: Python<'_>) -> Option<Py<RunnerCore>> {
        self.core.get().map(|core| core.clone_ref(py))
    }

    /// Whether a step may follow on those that were made.
    #[getter]
    fn stands(&self, py: Python<'_>) -> bool {
        self.with(py, |state| !state.is_new() && !state.is_over())
    }
}

/// Have the steps' context. A time limit in it is none of theirs: they may go on for longer than its block.
fn take_context_along(host: &Bound<'_, Host>) -> PyResult<()> {
    let (py, inside) = (host.py(), host.get());
    if inside.context().is_some() {
        return Ok(());
    }
    if let Variables::Kept(context) = &inside.router.bind(py).get().variables {
        let _ = inside.context.set(context.clone_ref(py));
        return Ok(());
    }
    let context = sniffed::copy_context(py)?;
    if deadline::in_force(py)?.is_some() {
        deadline::give(context.bind(py), None)?;
    }
    let _ = inside.context.set(context);
    Ok(())
}

fn kind_of(word: &str) -> PyResult<Kind> {
    match word {
        "item" => Ok(Kind::Item),
        "enter" => Ok(Kind::Word),
        "exit" => Ok(Kind::Exit),
        "close" => Ok(Kind::Close),
        _ => Err(PyValueError::new_err(format!("no kind of step is called {word:?}"))),
    }
}
