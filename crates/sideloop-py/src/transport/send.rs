//! The way out of datagrams: each is sent when it is written, without a detour.
//!
//! What is not plain is asked of asyncio's own method, which has not heard of it yet: a socket that takes nothing now,
//! an address that is to be resolved, data or an address of another type, a transport that is lost.

use std::net::SocketAddr;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyTuple};

use super::address::{Peer, read_tuple};
use super::datagram::{DatagramCore, datagrams_of};
use super::datagrams::{Datagrams, State};
use super::receive::tell_error;
use crate::policy::outcome::is_exit;
use crate::python::audit::audit;
use crate::python::buffer;
use crate::python::handling::report;
use crate::python::names::names;
use crate::system::socket::is_not_now;

/// Whether that was all.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Done,
    /// Nothing has happened yet, and asyncio's method is to be called.
    AskAsyncio,
}

/// Where it goes.
enum Target<'py> {
    /// The kernel knows.
    Connected,
    /// There, which Python calls so.
    To(SocketAddr, Bound<'py, PyAny>),
}

/// Send a datagram, if that is plain.
///
/// # Errors
/// What the protocol raises; `SystemExit` and `KeyboardInterrupt` out of an audit hook.
pub(super) fn send<'py>(
    transport: &Bound<'py, DatagramCore>,
    data: &Bound<'py, PyAny>,
    address: Option<&Bound<'py, PyAny>>,
) -> PyResult<Sent> {
    let py = transport.py();
    let datagrams = datagrams_of(transport)?;
    let datagrams = datagrams.get();
    if !is_plain(data) || !may_send(datagrams, py)? {
        return Ok(Sent::AskAsyncio);
    }
    let Some(target) = target_of(datagrams, py, address) else { return Ok(Sent::AskAsyncio) };
    if let (Target::To(_, named), Some(sock)) = (&target, datagrams.sock(py))
        && let Err(refused) = audit(c"socket.sendto", &sock, named)
    {
        return refuse(transport, datagrams, refused).map(|()| Sent::Done);
    }
    // After the hooks, which are code of the user's.
    let Ok(socket) = datagrams.socket(py)? else { return Ok(Sent::AskAsyncio) };
    let sent = buffer::read(data, |bytes| match &target {
        // Whether that is sent depends on the version.
        _ if bytes.is_empty() => None,
        Target::Connected => Some(socket.send(bytes)),
        Target::To(address, _) => Some(socket.send_to(bytes, *address)),
    });
    match sent {
        Ok(Some(Ok(_))) => Ok(Sent::Done),
        Ok(Some(Err(error))) if !is_not_now(error) => {
            tell_error(&datagrams.protocol(py), error).map(|()| Sent::Done)
        }
        // Not in one piece, empty, or not now.
        Err(_) | Ok(None | Some(Err(_))) => Ok(Sent::AskAsyncio),
    }
}

fn is_plain(data: &Bound<'_, PyAny>) -> bool {
    data.is_exact_instance_of::<PyBytes>()
        || data.is_exact_instance_of::<PyByteArray>()
        || data.is_exact_instance_of::<PyMemoryView>()
}

/// Whether it is neither lost nor has to wait behind others.
fn may_send(datagrams: &Datagrams, py: Python<'_>) -> PyResult<bool> {
    let queue = datagrams.with(py, |state| match state {
        State { conn_lost: 0, queue: Some(queue), .. } => Some(queue.bind(py).clone()),
        State { .. } => None,
    });
    queue.map_or(Ok(false), |queue| Ok(queue.len()? == 0))
}

/// Where it goes, if that is plain.
fn target_of<'py>(
    datagrams: &Datagrams,
    py: Python<'py>,
    address: Option<&Bound<'py, PyAny>>,
) -> Option<Target<'py>> {
    let (is_connected, only, family) = datagrams.with(py, |state| {
        let only = state.address.as_ref().filter(|_| state.is_for_one);
        (state.is_connected, only.map(|only| only.bind(py).clone()), state.family)
    });
    if let (Some(only), Some(address)) = (&only, address)
        && !address.is(only)
    {
        // It may be equal.
        return None;
    }
    if is_connected {
        return Some(Target::Connected);
    }
    let named = only.as_ref().or(address)?;
    let known = datagrams.with(py, |state| {
        let peers = [&state.heard, &state.told];
        let known = peers.into_iter().flatten().find(|peer| peer.tuple.is(named));
        known.map(|peer| peer.address)
    });
    if let Some(known) = known {
        return Some(Target::To(known, named.clone()));
    }
    let tuple = named.cast_exact::<PyTuple>().ok()?;
    let read = read_tuple(family, tuple)?;
    let before = datagrams.with(py, |state| state.told.replace(Peer::new(read, tuple)));
    drop(before);
    Some(Target::To(read, named.clone()))
}

/// A hook has raised something: what asyncio does where a socket's method does.
fn refuse(
    transport: &Bound<'_, DatagramCore>,
    datagrams: &Datagrams,
    error: PyErr,
) -> PyResult<()> {
    let py = transport.py();
    if is_exit(py, &error) {
        return Err(error);
    }
    if error.is_instance_of::<PyOSError>(py) {
        return datagrams
            .protocol(py)
            .call_method1(names(py).error_received.bind(py), (error.value(py),))
            .map(drop);
    }
    let message = "Fatal write error on datagram transport";
    report(transport, names(py).fatal_error.bind(py), error, message)
}
