//! Connections that come in: a server's socket is asked for as many as there are, and each becomes a transport.
//!
//! asyncio makes each in a task, which waits for a future that says that the protocol knows its transport. Nobody else
//! sees either, but for a task factory and for `asyncio.current_task()` in a protocol's factory, where it is None here.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::address::tuple_of;
use super::begin::{Parts, make};
use super::known::never_made;
use super::sockets::{kind_of, plain_sockets};
use super::standard::uses_our_base;
use super::wire::socket_of;
use crate::event_loop::{Looks, LoopCore};
use crate::policy::errors::os_error;
use crate::policy::outcome::is_exit;
use crate::python::dictionary;
use crate::python::names::names;
use crate::system::socket::{PeerName, has_gone, is_no_room, is_not_now};

/// `begin_accepted`, as the loop calls it.
static BEGIN: OnceLock<Py<PyAny>> = OnceLock::new();

/// Make the function that the loop is to call.
///
/// # Errors
/// `MemoryError`.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let function = wrap_pyfunction!(begin_accepted, py)?;
    let _ = BEGIN.set(function.into_any().unbind());
    Ok(())
}

/// What a server's socket was given to the loop with, as `_start_serving` takes it.
struct Serving<'a, 'py> {
    event_loop: &'a Bound<'py, LoopCore>,
    args: &'a Bound<'py, PyTuple>,
    options: &'a Bound<'py, PyDict>,
    protocol_factory: Bound<'py, PyAny>,
    sock: Bound<'py, PyAny>,
    ssl: Bound<'py, PyAny>,
    server: Bound<'py, PyAny>,
    backlog: isize,
}

/// Where the time limits are among those arguments, and where a context is after them, since CPython 3.15.
const TIMEOUTS: usize = 5;
const CONTEXT: usize = 7;

/// A server's socket has connections: take them, no more than its backlog, but one: asyncio takes none of a backlog of
/// zero in some versions, and turns the loop in vain.
///
/// # Errors
/// What the kernel says of the socket, but that it has no more now, or that there are too many files: asyncio's own
/// method tells the loop's exception handler of that, and tries again later.
#[pyfunction]
#[pyo3(signature = (event_loop, args, options, /))]
pub(crate) fn accept_ready(
    event_loop: &Bound<'_, LoopCore>,
    args: &Bound<'_, PyTuple>,
    options: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let py = event_loop.py();
    let serving = Serving::of(event_loop, args, options)?;
    let sockets = if LoopCore::accepts_plainly(event_loop) && uses_our_base(py)? {
        plain_sockets(py)?
    } else {
        None
    };
    let Some((sockets, kind)) = sockets.zip(kind_of(&serving.sock)?) else {
        return serving.ask_asyncio();
    };
    let crowds = event_loop.get().crowds();
    for number in 0..serving.backlog.max(1) {
        // Most come alone. Where there is another all the same, the kernel says so again.
        let looks_for_more = number > 0;
        if looks_for_more && !crowds.with(py, Looks::is_due) {
            return Ok(());
        }
        let Ok(socket) = socket_of(Some(serving.sock.clone()))? else {
            return serving.ask_asyncio();
        };
        match socket.accept() {
            Ok((accepted, peer)) => {
                if looks_for_more {
                    crowds.with(py, Looks::has_found);
                }
                let conn = sockets.make(py, accepted, kind)?;
                let peer = name_of(&conn, peer)?;
                serving.begin_soon(&conn, &peer)?;
            }
            Err(error) if is_not_now(error) || has_gone(error) => {
                if looks_for_more {
                    crowds.with(py, Looks::was_vain);
                }
                return Ok(());
            }
            Err(error) if is_no_room(error) => return serving.ask_asyncio(),
            Err(error) => return Err(os_error(&error.into())),
        }
    }
    Ok(())
}

impl<'a, 'py> Serving<'a, 'py> {
    fn of(
        event_loop: &'a Bound<'py, LoopCore>,
        args: &'a Bound<'py, PyTuple>,
        options: &'a Bound<'py, PyDict>,
    ) -> PyResult<Self> {
        let item = |at: usize| args.get_item(at);
        let (protocol_factory, sock, ssl, server) = (item(0)?, item(1)?, item(2)?, item(3)?);
        let backlog = item(4)?.extract()?;
        Ok(Self { event_loop, args, options, protocol_factory, sock, ssl, server, backlog })
    }

    /// Have asyncio's own method take what there is.
    fn ask_asyncio(&self) -> PyResult<()> {
        let method = names(self.event_loop.py()).accept_connection.bind(self.event_loop.py());
        self.event_loop.call_method(method, self.args, Some(self.options)).map(drop)
    }

    /// A copy of the server's context, which a connection has for itself since CPython 3.15.
    fn context(&self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.event_loop.py();
        let by_name = self.options.get_item(names(py).context_name.bind(py))?;
        let given = by_name.or_else(|| self.args.iter().nth(CONTEXT));
        match given.filter(|given| !given.is_none()) {
            Some(given) => given.call_method0("copy").map(Some),
            None => Ok(None),
        }
    }

    /// Make a transport of this in the next turn, as asyncio's task would; with TLS, in that task.
    fn begin_soon(&self, conn: &Bound<'py, PyAny>, peer: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = self.event_loop.py();
        let context = self.context()?;
        if !self.ssl.is_none() {
            return self.begin_handshake(conn, peer, context);
        }
        let begin = BEGIN.get().ok_or_else(never_made)?;
        let given = context.clone().unwrap_or_else(|| py.None().into_bound(py));
        let args =
            [self.event_loop.as_any(), &self.protocol_factory, conn, peer, &self.server, &given];
        let args = PyTuple::new(py, args)?;
        LoopCore::call_next(self.event_loop, begin.bind(py), &args, context.as_ref())
    }

    /// Have asyncio's task wait for the end of the handshake: whoever cancels all tasks ends it.
    fn begin_handshake(
        &self,
        conn: &Bound<'py, PyAny>,
        peer: &Bound<'py, PyAny>,
        context: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let py = self.event_loop.py();
        let names = names(py);
        let extra = dictionary::empty(py)?.into_any();
        extra.set_item(names.peername.bind(py), peer)?;
        let first = [&self.protocol_factory, conn, &extra, &self.ssl, &self.server];
        let timeouts = self.args.get_slice(TIMEOUTS, CONTEXT);
        let all: Vec<_> = first.into_iter().cloned().chain(timeouts.iter()).collect();
        let options = self.options.copy()?;
        let of_task = dictionary::empty(py)?;
        if let Some(context) = context {
            options.set_item(names.context_name.bind(py), &context)?;
            of_task.set_item(names.context_name.bind(py), &context)?;
        }
        let method = names.make_accepted.bind(py);
        let accept = self.event_loop.call_method(method, PyTuple::new(py, all)?, Some(&options))?;
        let of_task = (!of_task.is_empty()).then_some(&of_task);
        self.event_loop.call_method(names.create_task.bind(py), (accept,), of_task).map(drop)
    }
}

/// Who has connected, in Python's words.
fn name_of<'py>(conn: &Bound<'py, PyAny>, peer: PeerName) -> PyResult<Bound<'py, PyAny>> {
    let py = conn.py();
    if let Some(address) = peer.address() {
        return Ok(tuple_of(py, address)?.into_any());
    }
    if peer.lacks_name() {
        return Ok(PyString::new(py, "").into_any());
    }
    // A text or bytes, by rules of Python's.
    conn.call_method0(names(py).getpeername.bind(py))
}

/// Make a protocol and a transport for a connection that has come in.
#[pyfunction]
fn begin_accepted<'py>(
    event_loop: &Bound<'py, LoopCore>,
    protocol_factory: &Bound<'py, PyAny>,
    conn: &Bound<'py, PyAny>,
    peer: &Bound<'py, PyAny>,
    server: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = event_loop.py();
    let begin = || -> PyResult<()> {
        let protocol = &protocol_factory.call0()?;
        let extra = dictionary::empty(py)?;
        extra.set_item(names(py).peername.bind(py), peer)?;
        let server = Some(server).filter(|server| !server.is_none());
        let (waiter, extra) = (None, Some(extra.as_any()));
        make(&Parts { event_loop, sock: conn, protocol, waiter, extra, server, context }).map(drop)
    };
    match begin() {
        // asyncio's task keeps them to itself, too, but in debug mode.
        Err(error) if !is_exit(py, &error) => Ok(()),
        begun => begun,
    }
}
