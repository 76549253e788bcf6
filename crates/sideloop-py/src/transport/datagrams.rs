//! The state of a transport of datagrams: what asyncio's methods keep there, and who was heard last.
//!
//! What could not be sent waits in asyncio's own queue, and is sent by its own methods.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::address::{Family, Peer};
use super::wire::socket_of;
use crate::event_loop::{Looks, LoopCore};
use crate::python::attached::Attached;
use crate::system::socket::{Result, Socket};

/// What asyncio keeps on a transport, and what is known of its peers.
#[derive(Default)]
pub(super) struct State {
    pub(super) event_loop: Option<Py<LoopCore>>,
    pub(super) sock: Option<Py<PyAny>>,
    pub(super) protocol: Option<Py<PyAny>>,
    /// asyncio's queue of what could not be sent.
    pub(super) queue: Option<Py<PyAny>>,
    /// The one address to send to, if it was made for one.
    pub(super) address: Option<Py<PyAny>>,
    /// Whether there is such a one.
    pub(super) is_for_one: bool,
    /// Whether the kernel knows where to send to.
    pub(super) is_connected: bool,
    pub(super) family: Family,
    /// Since `connection_lost` is scheduled: one, and one for each datagram since.
    pub(super) conn_lost: usize,
    pub(super) closing: bool,
    pub(super) paused: bool,
    /// For another datagram behind one.
    pub(super) looks: Looks,
    /// Who was heard last.
    pub(super) heard: Option<Peer>,
    /// Who was sent to last, by another tuple than that.
    pub(super) told: Option<Peer>,
}

/// The state of a transport of datagrams.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Datagrams {
    state: Attached<State>,
    /// See `LoopCore`.
    // ORDERING: Relaxed: as there.
    made: AtomicBool,
}

impl Datagrams {
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

    /// The socket, to be used at once.
    pub(super) fn socket(&self, py: Python<'_>) -> PyResult<Result<Socket>> {
        socket_of(self.sock(py))
    }
}

#[pymethods]
impl Datagrams {
    #[new]
    fn new() -> Self {
        Self { state: Attached::default(), made: AtomicBool::new(true) }
    }

    /// What the socket is, as the transport was made: of IPv6, and connected.
    fn know_socket(&self, py: Python<'_>, is_v6: bool, is_connected: bool) {
        self.with(py, |state| {
            state.family = if is_v6 { Family::V6 } else { Family::V4 };
            state.is_connected = is_connected;
        });
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        let all = |state: &State| {
            visit.call(&state.event_loop)?;
            visit.call(&state.sock)?;
            visit.call(&state.protocol)?;
            visit.call(&state.queue)?;
            visit.call(&state.address)
        };
        self.state.traverse(all).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        // The socket and the queue stay: a finalizer may still ask for them, and none of them is in a circle without
        // what is dropped here.
        let dropped = self.with(py, |state| {
            (state.protocol.take(), state.event_loop.take(), state.address.take())
        });
        drop(dropped);
    }
}
