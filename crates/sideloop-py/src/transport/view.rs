//! What `get_extra_info("socket")` gives: asyncio's `TransportSocket`, made without its constructor, which is Python code.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::standard::standard;
use crate::python::making::without_init;
use crate::python::names::names;
use crate::python::slots::{class_version, held, put, section, slot_offset};

/// The class as it was at import.
struct Known {
    class: Py<PyType>,
    version: u32,
    /// Where the socket lies in an instance, in bytes from its start.
    sock: isize,
}

static KNOWN: OnceLock<Option<Known>> = OnceLock::new();

/// Look the class up. At import, before anybody has changed it.
///
/// # Errors
/// What importing it raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let class = standard(py)?.trsock.bind(py).getattr(names(py).transport_socket.bind(py))?;
    let known = Known::look(&class.cast_into::<PyType>()?).unwrap_or(None);
    let _ = KNOWN.set(known);
    Ok(())
}

impl Known {
    /// None where an instance holds more than a socket, or it could not be told.
    fn look(class: &Bound<'_, PyType>) -> PyResult<Option<Self>> {
        // It gives the class a version.
        if class.getattr("__slots__")?.extract::<Vec<String>>()? != ["_sock"] {
            return Ok(None);
        }
        let Some(sock) = slot_offset(class, "_sock")? else { return Ok(None) };
        let made = class.call1(("a socket",))?;
        let version = class_version(class);
        // SAFETY: an instance of the class whose descriptor gave the offset.
        let lies_there = section(&made, || unsafe { held(&made, sock) })
            .is_some_and(|held| held.eq("a socket").unwrap_or(false));
        Ok((lies_there && version != 0).then(|| Self {
            class: class.clone().unbind(),
            version,
            sock,
        }))
    }
}

/// What asyncio's transports show of this socket.
///
/// # Errors
/// `MemoryError`, and what somebody else's class raises.
pub(super) fn view_of<'py>(sock: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = sock.py();
    let class = standard(py)?.trsock.bind(py).getattr(names(py).transport_socket.bind(py))?;
    let known = KNOWN.get().and_then(Option::as_ref).filter(|known| class.is(&known.class));
    match known {
        Some(known) if class_version(known.class.bind(py)) == known.version => {
            let made = without_init(known.class.bind(py))?;
            // SAFETY: an instance of the class, whose slot is empty; it gets a reference of its own.
            section(&made, || unsafe { put(&made, known.sock, sock.clone().into_ptr()) });
            Ok(made)
        }
        Some(_) | None => class.call1((sock,)),
    }
}
