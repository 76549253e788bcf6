//! The class of plain sockets, whether it is what it was, and the number of a socket's file.
//!
//! That is read where `_socket.socket` keeps it: to ask for it by `fileno` takes a tenth of the instructions of a small
//! echo. Where it lies is tried out at import.

use std::mem::size_of;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::python::names::names;
use crate::python::slots::class_version;

/// What of the class may be replaced, so that a socket of ours would not be one of its making.
const REPLACEABLE: [&str; 11] = [
    "__init__",
    "__new__",
    "_real_close",
    "accept",
    "close",
    "connect",
    "connect_ex",
    "fileno",
    "gettimeout",
    "recv",
    "setblocking",
];

/// Behind what every object begins with, in each CPython.
const OFFSET: usize = size_of::<ffi::PyObject>();

/// `socket.socket`.
pub(super) struct SocketClass {
    class: Py<PyType>,
    /// What it had of the replaceable names.
    own: Vec<(Py<PyString>, Option<Py<PyAny>>)>,
    /// Its version in which it was what it had been; 0 if there is none.
    // ORDERING: Relaxed: read and written attached.
    version: AtomicU32,
    /// Whether its sockets have their numbers where they are looked for.
    has_numbers: bool,
}

static KNOWN: OnceLock<Option<SocketClass>> = OnceLock::new();

/// Look it up. At import, before anybody has changed it.
///
/// # Errors
/// What importing it raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let known = SocketClass::look(py)?;
    let _ = KNOWN.set(known);
    Ok(())
}

/// The class; None where it is not over `_socket.socket`: gevent and eventlet have put theirs in its place.
pub(super) fn socket_class() -> Option<&'static SocketClass> {
    KNOWN.get().and_then(Option::as_ref)
}

impl SocketClass {
    fn look(py: Python<'_>) -> PyResult<Option<Self>> {
        let native = py.import("_socket")?.getattr("socket")?.cast_into::<PyType>()?;
        let class = py.import("socket")?.getattr("socket")?.cast_into::<PyType>()?;
        let bases = class.bases();
        if bases.len() != 1 || !bases.get_item(0)?.is(&native) {
            return Ok(None);
        }
        let names = class.getattr("__dict__")?;
        let own = REPLACEABLE.iter().map(|name| {
            let name = PyString::intern(py, name);
            let found = if names.contains(&name)? { Some(names.get_item(&name)?) } else { None };
            Ok((name.unbind(), found.map(Bound::unbind)))
        });
        let own = own.collect::<PyResult<Vec<_>>>()?;
        let has_numbers = has_numbers(&class, &native)?;
        Ok(Some(Self { class: class.unbind(), own, version: AtomicU32::new(0), has_numbers }))
    }

    pub(super) fn bind<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyType> {
        self.class.bind(py)
    }

    /// Whether it is the class of this object itself.
    pub(super) fn has(&self, sock: &Bound<'_, PyAny>) -> bool {
        sock.get_type_ptr() == self.class.as_ptr().cast()
    }

    /// Whether the class is what it was.
    pub(super) fn is_unchanged(&self, py: Python<'_>) -> PyResult<bool> {
        let class = self.class.bind(py);
        let version = class_version(class);
        if version != 0 && version == self.version.load(Ordering::Relaxed) {
            return Ok(true);
        }
        // A look gives a class its version. It is read before the looks that count, and after.
        let _ = class.getattr(names(py).fileno.bind(py));
        let version = class_version(class);
        let owned = class.getattr("__dict__")?;
        for (name, own) in &self.own {
            let now = owned.call_method1("get", (name,))?;
            let is_same = own.as_ref().map_or_else(|| now.is_none(), |own| now.is(own));
            if !is_same {
                return Ok(false);
            }
        }
        if class_version(class) == version {
            self.version.store(version, Ordering::Relaxed);
        }
        Ok(true)
    }
}

/// Try it out with a socket of its own.
fn has_numbers(class: &Bound<'_, PyType>, native: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    let names = names(py);
    // Instances with attributes of their own may have another `fileno`.
    if class.getattr("__dictoffset__")?.is_truthy()?
        || native.getattr("__basicsize__")?.extract::<usize>()? < OFFSET + size_of::<i32>()
        || !class.getattr(names.fileno.bind(py))?.is(&native.getattr(names.fileno.bind(py))?)
    {
        return Ok(false);
    }
    let sock = class.call0()?;
    let open: i32 = sock.call_method0(names.fileno.bind(py))?.extract()?;
    let is_open_there = read(&sock) == open;
    sock.call_method0(names.close.bind(py))?;
    Ok(is_open_there && read(&sock) == -1)
}

fn read(sock: &Bound<'_, PyAny>) -> i32 {
    // SAFETY: the object is alive, and so big that there is a number of this size. Whoever writes it is attached, too;
    // without the interpreter lock it is written at once, as each such number.
    // ORDERING: Relaxed: whoever closes the socket meanwhile comes before or after.
    unsafe { AtomicI32::from_ptr(sock.as_ptr().byte_add(OFFSET).cast()).load(Ordering::Relaxed) }
}

/// The number of the socket's file; -1 where it is closed.
///
/// # Errors
/// What a `fileno` of somebody else's raises.
pub(super) fn descriptor_of(sock: &Bound<'_, PyAny>) -> PyResult<i32> {
    let py = sock.py();
    if let Some(known) = socket_class()
        && known.has_numbers
        && known.has(sock)
        && known.is_unchanged(py)?
    {
        return Ok(read(sock));
    }
    sock.call_method0(names(py).fileno.bind(py))?.extract()
}
