//! The way in of datagrams: what the socket has is read, and handed to the protocol, several in one event.
//!
//! asyncio takes one in each turn of its loop, so that what a protocol puts on the loop for one runs before it is told
//! of the next, and so does what others have put there. That stays so: another is taken only where nothing is ready to
//! run. A protocol that answers at once, or keeps what it gets, is told of many in a row; one that wakes a task for
//! each sees no difference.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::address::{Peer, tuple_of};
use super::datagram::{DatagramCore, datagrams_of};
use super::datagrams::{Datagrams, State};
use crate::event_loop::LoopCore;
use crate::policy::chain::after;
use crate::policy::errors::os_error;
use crate::python::names::names;
use crate::system::socket::{Datagram, Errno, is_not_now};

/// The loop's room, in bytes: no datagram of the internet's protocols is longer.
const ROOM: usize = 64 * 1024;

/// The most in a row: others have waited as long.
const MOST: usize = 32;

/// What came of a look at the socket.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The protocol has got it.
    Datagram,
    Nothing,
    /// The protocol knows of it.
    Error,
}

/// The socket has something.
///
/// # Errors
/// What the protocol raises.
pub(super) fn read_ready(transport: &Bound<'_, DatagramCore>) -> PyResult<()> {
    let py = transport.py();
    let datagrams = datagrams_of(transport)?;
    let datagrams = datagrams.get();
    let Some(event_loop) = datagrams.event_loop(py) else { return Ok(()) };
    if datagrams.with(py, |state| state.conn_lost > 0) {
        return Ok(());
    }
    let core = event_loop.get();
    let most = if datagrams.with(py, |state| state.looks.is_due()) { MOST } else { 1 };
    for place in 0..most {
        let found = take_one(datagrams, core, py)?;
        match (found, place) {
            (Found::Nothing, 1) => datagrams.with(py, |state| state.looks.was_vain()),
            (Found::Datagram, 1) => datagrams.with(py, |state| state.looks.has_found()),
            _ => {}
        }
        if found != Found::Datagram || !goes_on(datagrams, core, py) {
            break;
        }
    }
    Ok(())
}

/// Whether asyncio's own would take another in the next turn, and nothing else waits for that.
fn goes_on(datagrams: &Datagrams, core: &LoopCore, py: Python<'_>) -> bool {
    let reads = datagrams.with(py, |state| match state {
        State { conn_lost: 1.., .. } | State { closing: true, .. } | State { paused: true, .. } => {
            false
        }
        State { .. } => true,
    });
    let entry = &core.entry;
    // What has forked leaves the loop in its child.
    reads && !core.has_ready(py) && !core.is_stopping() && !core.orphaned() && !entry.has_news()
}

fn take_one(datagrams: &Datagrams, core: &LoopCore, py: Python<'_>) -> PyResult<Found> {
    let received = match datagrams.socket(py)? {
        Ok(socket) => {
            let mut room = core.take_room(py, ROOM);
            let received = socket.receive_datagram(room.spare_capacity_mut()).map(|datagram| {
                let Datagram { bytes, sender } = datagram;
                (PyBytes::new(py, bytes), sender)
            });
            core.give_room_back(py, room);
            received
        }
        Err(error) => Err(error),
    };
    let protocol = datagrams.protocol(py);
    match received {
        Ok((data, sender)) => {
            let sender = match sender {
                Some(address) => tuple_for(datagrams, py, address)?,
                None => py.None().into_bound(py),
            };
            protocol.call_method1(names(py).datagram_received.bind(py), (data, sender))?;
            Ok(Found::Datagram)
        }
        Err(error) if is_not_now(error) => Ok(Found::Nothing),
        Err(error) => tell_error(&protocol, error).map(|()| Found::Error),
    }
}

/// The tuple of whoever has sent something.
fn tuple_for<'py>(
    datagrams: &Datagrams,
    py: Python<'py>,
    address: std::net::SocketAddr,
) -> PyResult<Bound<'py, PyAny>> {
    let known = datagrams.with(py, |state| {
        let heard = state.heard.as_ref().filter(|heard| heard.address == address);
        heard.map(|heard| heard.tuple.bind(py).clone())
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let tuple = tuple_of(py, address)?;
    let before = datagrams.with(py, |state| state.heard.replace(Peer::new(address, &tuple)));
    drop(before);
    Ok(tuple.into_any())
}

/// Tell the protocol that the kernel has refused something.
///
/// # Errors
/// What the protocol raises.
pub(super) fn tell_error(protocol: &Bound<'_, PyAny>, error: Errno) -> PyResult<()> {
    let py = protocol.py();
    let error = os_error(&error.into());
    let told = protocol.call_method1(names(py).error_received.bind(py), (error.value(py),));
    told.map(drop).map_err(|raised| after(py, raised, error))
}
