//! The number of a socket's file, read where `_socket.socket` keeps it: to ask for it by `fileno` takes a tenth of the
//! instructions of a small echo. Where it lies is tried out at import, and whoever replaces the method is asked.

use std::mem::size_of;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::python::names::names;
use crate::python::slots::class_version;

/// Behind what every object begins with, in each CPython.
const OFFSET: usize = size_of::<ffi::PyObject>();

struct Known {
    /// `socket.socket`, whose instances have no attributes of their own.
    class: Py<PyType>,
    /// Its `fileno`, which is `_socket.socket`'s.
    fileno: Py<PyAny>,
    /// The version of `class` in which it had that; 0 if there is none.
    // ORDERING: Relaxed: read and written attached.
    version: AtomicU32,
}

static KNOWN: OnceLock<Option<Known>> = OnceLock::new();

/// Try it out. At import, before anybody has changed the class.
///
/// # Errors
/// What importing it raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let known = Known::look(py)?;
    let _ = KNOWN.set(known);
    Ok(())
}

impl Known {
    /// None where the class is not over `_socket.socket`, as where gevent has put its own in its place, or keeps the
    /// number elsewhere.
    fn look(py: Python<'_>) -> PyResult<Option<Self>> {
        let native = py.import("_socket")?.getattr("socket")?.cast_into::<PyType>()?;
        let class = py.import("socket")?.getattr("socket")?.cast_into::<PyType>()?;
        let bases = class.bases();
        if bases.len() != 1
            || !bases.get_item(0)?.is(&native)
            || native.getattr("__basicsize__")?.extract::<usize>()? < OFFSET + size_of::<i32>()
            || class.getattr("__dictoffset__")?.is_truthy()?
        {
            return Ok(None);
        }
        let fileno = class.getattr(names(py).fileno.bind(py))?;
        if !fileno.is(&native.getattr(names(py).fileno.bind(py))?) {
            return Ok(None);
        }
        let sock = class.call0()?;
        let open: i32 = sock.call_method0(names(py).fileno.bind(py))?.extract()?;
        let is_open_there = read(&sock) == open;
        sock.call_method0(names(py).close.bind(py))?;
        let is_there = is_open_there && read(&sock) == -1;
        let version = AtomicU32::new(0);
        Ok(is_there.then(|| Self { class: class.unbind(), fileno: fileno.unbind(), version }))
    }

    fn is_unchanged(&self, py: Python<'_>) -> bool {
        let class = self.class.bind(py);
        let version = class_version(class);
        if version != 0 && version == self.version.load(Ordering::Relaxed) {
            return true;
        }
        // A look gives a class its version.
        let is_same = || {
            let now = class.getattr(names(py).fileno.bind(py));
            now.is_ok_and(|now| now.is(&self.fileno))
        };
        if !is_same() {
            return false;
        }
        let version = class_version(class);
        if is_same() {
            self.version.store(version, Ordering::Relaxed);
        }
        true
    }
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
    if let Some(Some(known)) = KNOWN.get()
        && sock.get_type_ptr() == known.class.as_ptr().cast()
        && known.is_unchanged(py)
    {
        return Ok(read(sock));
    }
    sock.call_method0(names(py).fileno.bind(py))?.extract()
}
