//! The state of the end of a pipe: what asyncio's methods keep there, of that what a read or a write meets.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

use crate::event_loop::LoopCore;
use crate::python::attached::Attached;
use crate::system::pipe::Pipe;
use crate::system::socket::Result;

/// What asyncio keeps there. The last two are of ends that are written to.
#[derive(Default)]
pub(super) struct State {
    pub(super) event_loop: Option<Py<LoopCore>>,
    pub(super) protocol: Option<Py<PyAny>>,
    /// The pipe, as asyncio was given it: a number, or None where there is none.
    pub(super) fileno: Option<Py<PyAny>>,
    /// The same; None also of what is no number.
    pub(super) fd: Option<i32>,
    pub(super) closing: bool,
    /// asyncio's `bytearray` of what the pipe did not take.
    pub(super) buffer: Option<Py<PyAny>>,
    /// Since writing has failed: one, and one for each write since.
    pub(super) conn_lost: usize,
}

impl State {
    /// Whether what is written now is the next to leave.
    fn is_open_and_empty(&self, py: Python<'_>) -> bool {
        let Self { closing: false, conn_lost: 0, buffer: Some(buffer), .. } = self else {
            return false;
        };
        buffer.bind(py).cast_exact::<PyByteArray>().is_ok_and(|buffer| buffer.len() == 0)
    }

    /// The pipe, to be used at once.
    fn pipe(&self) -> Result<Pipe> {
        Pipe::of(self.fd.unwrap_or(-1))
    }
}

/// The state of the end of a pipe.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct PipeEnd {
    state: Attached<State>,
    /// See `LoopCore`.
    // ORDERING: Relaxed: as there.
    made: AtomicBool,
}

impl PipeEnd {
    /// Look at the state, or change it: see `Attached::with`.
    pub(super) fn with<R>(&self, py: Python<'_>, inside: impl FnOnce(&mut State) -> R) -> R {
        self.state.with(py, inside)
    }

    /// Whose loop it is, and the pipe, to be used at once; None once it has ended.
    pub(super) fn to_read<'py>(
        &self,
        py: Python<'py>,
    ) -> Option<(Bound<'py, LoopCore>, Result<Pipe>)> {
        self.with(py, |state| {
            let event_loop = state.event_loop.as_ref()?.bind(py).clone();
            Some((event_loop, state.pipe()))
        })
    }

    /// The pipe, to be written to at once; None where what is written has to wait, or goes nowhere.
    pub(super) fn to_write(&self, py: Python<'_>) -> Option<Pipe> {
        self.with(py, |state| state.is_open_and_empty(py).then(|| state.pipe().ok()).flatten())
    }

    /// The protocol, or None where there is none, which is told in vain: as of asyncio's, an error says so.
    pub(super) fn protocol<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let held = self.with(py, |state| state.protocol.as_ref().map(|held| held.clone_ref(py)));
        held.unwrap_or_else(|| py.None()).into_bound(py)
    }
}

#[pymethods]
impl PipeEnd {
    #[new]
    fn new() -> Self {
        Self { state: Attached::default(), made: AtomicBool::new(true) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        let all = |state: &State| {
            visit.call(&state.event_loop)?;
            visit.call(&state.protocol)?;
            visit.call(&state.fileno)?;
            visit.call(&state.buffer)
        };
        self.state.traverse(all).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        // The number and the buffer stay: a finalizer may still ask for them, and none of them is in a circle without
        // what is dropped here.
        let dropped = self.with(py, |state| (state.protocol.take(), state.event_loop.take()));
        drop(dropped);
    }
}
