//! Python's sockets: what one is of, and how one is made of a descriptor.
//!
//! `socket.socket` is a Python class over `_socket.socket`. It turns a socket's family and kind into members of
//! enumerations each time somebody asks, which takes longer than the system call that follows. What is below knows the
//! numbers.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

use super::descriptor::{SocketClass, socket_class};
use super::standard::standard;
use crate::python::making::without_init;
use crate::python::names::names;
use crate::python::slots::get;
use crate::system::socket::{Accepted, Kind};

/// The classes, and how the numbers are read.
pub(super) struct Sockets {
    module: Py<PyModule>,
    class: &'static SocketClass,
    /// `_socket.socket.__init__`
    init: Py<PyAny>,
    /// `_socket.socket.close`
    close: Py<PyAny>,
    /// The descriptors of the numbers, of which the class has its own in front.
    family: Py<PyAny>,
    kind: Py<PyAny>,
    proto: Py<PyAny>,
    io_refs: Py<PyString>,
    closed: Py<PyString>,
}

static KNOWN: OnceLock<Option<Sockets>> = OnceLock::new();

impl Sockets {
    /// None where the class is not over `_socket.socket`: gevent and eventlet have put theirs in its place.
    fn look(py: Python<'_>) -> PyResult<Option<Self>> {
        let module = py.import("socket")?;
        let native = py.import("_socket")?.getattr("socket")?;
        let Some(class) = socket_class() else { return Ok(None) };
        let native_names = native.getattr("__dict__")?;
        let native_name = |name: &str| native_names.get_item(name).map(Bound::unbind);
        let text = |text: &str| PyString::intern(py, text).unbind();
        Ok(Some(Self {
            init: native_name("__init__")?,
            close: native_name("close")?,
            family: native_name("family")?,
            kind: native_name("type")?,
            proto: native_name("proto")?,
            io_refs: text("_io_refs"),
            closed: text("_closed"),
            module: module.unbind(),
            class,
        }))
    }

    fn kind_of(&self, sock: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
        if !self.class.has(sock) {
            return Ok(None);
        }
        let number = |descriptor: &Py<PyAny>| get(descriptor.bind(sock.py()), sock)?.extract();
        let (family, kind) = (number(&self.family)?, number(&self.kind)?);
        Ok(Kind::of(family, kind, number(&self.proto)?))
    }

    /// A new socket, which does not block.
    ///
    /// # Errors
    /// What the kernel or an audit hook says.
    pub(super) fn open<'py>(&self, py: Python<'py>, kind: Kind) -> PyResult<Bound<'py, PyAny>> {
        let sock = without_init(self.class.bind(py))?;
        let (family, kind, proto) = kind.without_blocking();
        self.init.bind(py).call1((&sock, family, kind, proto))?;
        self.complete(sock)
    }

    /// A socket of this connection, which does not block.
    ///
    /// # Errors
    /// What an audit hook raises, and `MemoryError`. The connection is closed then.
    pub(super) fn make<'py>(
        &self,
        py: Python<'py>,
        accepted: Accepted,
        kind: Kind,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sock = without_init(self.class.bind(py))?;
        let (family, kind, proto) = kind.without_blocking();
        self.init.bind(py).call1((&sock, family, kind, proto, accepted.number()))?;
        // It is the socket's from here on.
        accepted.give_away();
        self.complete(sock)
    }

    /// What the class's own constructor sets besides.
    fn complete<'py>(&self, sock: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sock.setattr(&self.io_refs, 0)?;
        sock.setattr(&self.closed, false)?;
        Ok(sock)
    }
}

/// Close a socket, as its own `close` does: Python code that calls Python code.
///
/// # Errors
/// What the kernel says, and what a `close` of somebody else's raises.
pub(super) fn close(sock: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = sock.py();
    let known = KNOWN.get().and_then(Option::as_ref).filter(|known| known.class.has(sock));
    let Some(known) = known.filter(|known| known.class.is_unchanged(py).unwrap_or(false)) else {
        return sock.call_method0(names(py).close.bind(py)).map(drop);
    };
    sock.setattr(&known.closed, true)?;
    // Files made of it keep it open.
    if sock.getattr(&known.io_refs)?.extract::<isize>()? > 0 {
        return Ok(());
    }
    known.close.bind(py).call1((sock,)).map(drop)
}

/// Look the classes up. At import, before anybody has changed them.
///
/// # Errors
/// What importing them raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let known = Sockets::look(py)?;
    let _ = KNOWN.set(known);
    Ok(())
}

/// The classes, if asyncio would use them, too, and they are as they were.
///
/// # Errors
/// What asking for them raises.
pub(super) fn plain_sockets(py: Python<'_>) -> PyResult<Option<&'static Sockets>> {
    let Some(known) = KNOWN.get().and_then(Option::as_ref) else { return Ok(None) };
    let used = standard(py)?.base_events.bind(py).getattr(names(py).socket.bind(py))?;
    let is_plain = used.is(&known.module)
        && used.getattr(names(py).socket.bind(py))?.is(known.class.bind(py))
        && known.class.is_unchanged(py)?;
    Ok(is_plain.then_some(known))
}

/// What a socket was made with; None if it is no plain one.
///
/// # Errors
/// None that is known of.
pub(super) fn kind_of(sock: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
    match KNOWN.get() {
        Some(Some(known)) => known.kind_of(sock),
        Some(None) | None => Ok(None),
    }
}
