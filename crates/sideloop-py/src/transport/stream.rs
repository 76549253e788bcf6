//! The state of a transport, which is its write buffer as well.
//!
//! Most of it is what asyncio's methods keep on a transport, in their words. Ours is where what was written is:
//!
//! ```text
//!           write()               sent: all
//!   Idle ───────────▶ Gathered ─────────────▶ Idle
//!                        │ sent: some, or none
//!                        ▼              writable: all has left
//!                    Backlogged ──────────────────────────────▶ Idle
//! ```
//!
//! An error of the kernel's drops what there is, and leads to Idle.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sideloop_core::generation;

use super::pieces::Pieces;
use super::wire::socket_of;
use crate::event_loop::LoopCore;
use crate::python::attached::Attached;
use crate::python::context;
use crate::system::socket::{Result, Socket};

/// Where what was written is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Writes {
    /// With the kernel, or nowhere: there is none.
    #[default]
    Idle,
    /// In the pieces, until the end of the turn at the latest.
    Gathered,
    /// In the pieces, until the loop says that the socket takes more: it watches the socket for that.
    Backlogged,
}

/// How a protocol takes what was read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Takes {
    /// As `bytes`, by `data_received`.
    #[default]
    Bytes,
    /// In its own buffer, by `get_buffer` and `buffer_updated`.
    Buffer,
}

/// How much is read at once.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reads {
    /// Into the loop's room, from which bytes of their exact size are made.
    #[default]
    Small,
    /// Straight into bytes, which have as much room: a copy of what came last would have taken longer.
    Middling,
    /// Straight into bytes of more room: there was as much as the loop's holds, and has not been little since.
    Large,
}

/// A limit of the write buffer, as it was set, and rounded down to a number of bytes.
#[derive(Default)]
pub(super) struct Limit {
    pub(super) given: Option<Py<PyAny>>,
    pub(super) bytes: usize,
}

/// What asyncio keeps on a transport, and where its bytes are.
#[derive(Default)]
pub(super) struct State {
    pub(super) event_loop: Option<Py<LoopCore>>,
    pub(super) sock: Option<Py<PyAny>>,
    pub(super) fd: i32,
    pub(super) protocol: Option<Py<PyAny>>,
    pub(super) takes: Takes,
    pub(super) reads: Reads,
    pub(super) writes: Writes,
    pub(super) pieces: Pieces,
    /// The fork generation in which that was gathered.
    pub(super) gathered_in: u32,
    /// Whether the transport is in the loop's outbox.
    pub(super) is_listed: bool,
    /// Since `connection_lost` is scheduled: one, and one for each write since.
    pub(super) conn_lost: usize,
    pub(super) closing: bool,
    pub(super) paused: bool,
    pub(super) eof: bool,
    pub(super) protocol_paused: bool,
    pub(super) high: Limit,
    pub(super) low: Limit,
    pub(super) empty_waiter: Option<Py<PyAny>>,
}

impl State {
    /// What is gathered, to be sent, if anything is.
    pub(super) fn take_gathered(&mut self) -> Option<Pieces> {
        if self.writes != Writes::Gathered {
            return None;
        }
        self.writes = Writes::Idle;
        Some(std::mem::take(&mut self.pieces))
    }

    /// In a fork's child, what its parent has gathered and sends itself.
    pub(super) fn take_inherited(&mut self) -> Option<Pieces> {
        if self.gathered_in == generation::current() {
            return None;
        }
        self.take_gathered()
    }
}

/// The state of a transport. asyncio's methods find it where its write buffer is.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Stream {
    state: Attached<State>,
    /// The context that was current when it was made.
    context: Attached<Option<Py<PyAny>>>,
    /// See `LoopCore`.
    made: AtomicBool,
}

impl Stream {
    /// Look at the state, or change it: see `Attached::with`.
    pub(super) fn with<R>(&self, py: Python<'_>, inside: impl FnOnce(&mut State) -> R) -> R {
        self.state.with(py, inside)
    }

    pub(super) fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, LoopCore>> {
        self.with(py, |state| state.event_loop.as_ref().map(|held| held.bind(py).clone()))
    }

    pub(super) fn sock<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.with(py, |state| state.sock.as_ref().map(|held| held.bind(py).clone()))
    }

    /// The protocol, or None where there is none, which is told in vain: as of asyncio's, an error says so.
    pub(super) fn protocol<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let held = self.with(py, |state| state.protocol.as_ref().map(|held| held.clone_ref(py)));
        held.unwrap_or_else(|| py.None()).into_bound(py)
    }

    pub(super) fn is_lost(&self, py: Python<'_>) -> bool {
        self.with(py, |state| state.conn_lost > 0)
    }

    /// The socket, to be used at once.
    pub(super) fn socket(&self, py: Python<'_>) -> PyResult<Result<Socket>> {
        socket_of(self.sock(py))
    }

    /// Run this in the context in which the transport was made, if nobody is in it.
    pub(super) fn in_context<T>(
        &self,
        py: Python<'_>,
        inside: impl FnOnce() -> PyResult<T>,
    ) -> PyResult<T> {
        let held = self.context.with(py, |held| held.as_ref().map(|held| held.clone_ref(py)));
        match held {
            // A copy, as a callback would have: this one may be entered already.
            Some(held) => {
                let copy = held.call_method0(py, "copy")?.into_bound(py);
                context::enter(&copy, inside)
            }
            None => inside(),
        }
    }

    /// Drop what was written and has not left.
    pub(super) fn drop_pieces(&self, py: Python<'_>) {
        let pieces = self.with(py, |state| std::mem::take(&mut state.pieces));
        drop(pieces);
    }
}

#[pymethods]
impl Stream {
    #[new]
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            state: Attached::default(),
            context: Attached::new(Some(context::copy_current(py)?)),
            made: AtomicBool::new(true),
        })
    }

    /// How many bytes were written and have not left.
    fn __len__(&self, py: Python<'_>) -> usize {
        self.with(py, |state| state.pieces.len())
    }

    /// These bytes.
    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let all = self.with(py, |state| state.pieces.slices(py).collect::<Vec<_>>().concat());
        PyBytes::new(py, &all)
    }

    /// Drop them.
    fn clear(&self, py: Python<'_>) {
        self.with(py, |state| state.writes = Writes::Idle);
        self.drop_pieces(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.context.traverse(|held| visit.call(held)).unwrap_or(Ok(()))?;
        let all = |state: &State| {
            visit.call(&state.event_loop)?;
            visit.call(&state.sock)?;
            visit.call(&state.protocol)?;
            visit.call(&state.empty_waiter)?;
            visit.call(&state.high.given)?;
            visit.call(&state.low.given)?;
            state.pieces.iter().try_for_each(|piece| visit.call(piece))
        };
        self.state.traverse(all).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        let held = self.context.with(py, Option::take);
        drop(held);
        // The loop, the socket and the numbers stay: a finalizer may still ask for them, and none of them is in a
        // circle without what is dropped here.
        let dropped = self.with(py, |state| {
            (
                state.protocol.take(),
                state.empty_waiter.take(),
                state.event_loop.take(),
                std::mem::take(&mut state.pieces),
            )
        });
        drop(dropped);
    }
}
