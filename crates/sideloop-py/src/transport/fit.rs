//! Which sockets may have a native transport.

use pyo3::prelude::*;

use super::sockets::kind_of;
use super::standard::uses_our_base;
use crate::event_loop::LoopCore;
use crate::system::socket::Kind;

/// Whether this one may: a plain stream socket, on a loop that is polled natively.
///
/// gevent's and eventlet's are of classes of their own, and so are stand-ins; and whoever has replaced asyncio's class of
/// transports wants that one.
///
/// # Errors
/// What asking for that class raises.
#[pyfunction]
#[pyo3(signature = (event_loop, sock, /))]
pub(crate) fn fits(event_loop: &Bound<'_, LoopCore>, sock: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_usual = event_loop.get().hears_bell() && !event_loop.get().is_debug();
    Ok(is_usual && kind_of(sock)?.is_some_and(Kind::is_stream) && uses_our_base(sock.py())?)
}
