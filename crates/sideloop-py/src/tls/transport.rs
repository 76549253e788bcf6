//! What the user's protocol writes to.

use std::sync::OnceLock;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PySuper, PyTuple, PyType};

use super::core::TlsCore;
use super::outgoing;
use crate::python::making::without_init;
use crate::python::names::names;
use crate::python::slots::{slot, slot_offset};

/// The writing half of the transport of a TLS connection: a mixin to stand before asyncio's `_SSLProtocolTransport`,
/// which has slots, so that this can have no fields.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct TlsTransportCore;

/// Which class has such transports, and where each has its `TlsCore`, in bytes from its start.
struct Known {
    class: Py<PyType>,
    offset: isize,
    /// The class of those.
    protocol: Py<PyType>,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// Have instances of this class be transports of TLS connections, each over an instance of `protocol`, which it has in its
/// slot `_ssl_protocol`. Once.
#[pyfunction]
#[pyo3(signature = (class_, protocol, /))]
pub(crate) fn know_tls_transports(
    class_: &Bound<'_, PyType>,
    protocol: &Bound<'_, PyType>,
) -> PyResult<()> {
    let offset = slot_offset(class_, "_ssl_protocol")?.ok_or_else(|| {
        PyTypeError::new_err("a class of TLS transports has a slot for the protocol")
    })?;
    let _ = KNOWN.set(Known {
        class: class_.clone().unbind(),
        offset,
        protocol: protocol.clone().unbind(),
    });
    Ok(())
}

/// The protocol of a transport; None if it has lost it, or is of another class.
fn core_of<'py>(transport: &Bound<'py, TlsTransportCore>) -> Option<Bound<'py, TlsCore>> {
    let known = KNOWN.get()?;
    if !transport.get_type().is(&known.class) {
        return None;
    }
    // SAFETY: an instance of the class whose slot this is, which holds a live object or null; the reference is our own.
    let held = unsafe {
        Bound::from_borrowed_ptr_or_opt(transport.py(), *slot(transport.as_ptr(), known.offset))
    };
    held?.cast_into().ok()
}

/// A protocol that has not begun.
///
/// # Errors
/// `MemoryError`; `RuntimeError`, where there is no class for it.
pub(super) fn new_protocol(py: Python<'_>) -> PyResult<Bound<'_, TlsCore>> {
    let Some(known) = KNOWN.get() else {
        return Err(PyRuntimeError::new_err("no class of TLS connections is known yet"));
    };
    Ok(without_init(known.protocol.bind(py))?.cast_into()?)
}

/// What the user's protocol writes to, made once for each connection.
///
/// # Errors
/// `RuntimeError`, if it has been there and is not any more, as asyncio's; what making it raises.
pub(super) fn app_transport<'py>(core: &Bound<'py, TlsCore>) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    if let Some(transport) = core.get().held(py, |state| &state.app_transport) {
        return Ok(transport.into_bound(py));
    }
    let known = KNOWN.get().filter(|_| !core.get().with(py, |state| state.app_transport_created));
    let Some(known) = known else {
        return Err(PyRuntimeError::new_err("Creating _SSLProtocolTransport twice"));
    };
    let names = names(py);
    let event_loop = core.get().held(py, |state| &state.event_loop);
    let made = without_init(known.class.bind(py))?;
    made.setattr(names.closed.bind(py), false)?;
    made.setattr(names.event_loop_of.bind(py), event_loop)?;
    made.setattr(names.ssl_protocol.bind(py), core)?;
    core.get().with(py, |state| state.app_transport_created = true);
    core.get().hold(&made, |state| &mut state.app_transport);
    Ok(made)
}

#[pymethods]
impl TlsCore {
    fn _get_app_transport<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        app_transport(slf)
    }
}

#[pymethods]
impl TlsTransportCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    /// Write some bytes.
    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        match core_of(slf).filter(|_| is_plain(data)) {
            Some(_) if data.len()? == 0 => Ok(()),
            Some(core) => outgoing::write(&core, std::slice::from_ref(data)),
            None => asyncios(slf, "write", data),
        }
    }

    /// Write the bytes of several objects.
    fn writelines(slf: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        let plain = list_of_data.cast_exact::<PyList>().ok().filter(|list| {
            list.iter().all(|data| {
                data.cast_exact::<PyBytes>().is_ok_and(|data| !data.as_bytes().is_empty())
            })
        });
        match (core_of(slf), plain) {
            (Some(core), Some(list)) => {
                let all: Vec<_> = list.iter().collect();
                outgoing::write(&core, &all)
            }
            _ => asyncios(slf, "writelines", list_of_data),
        }
    }
}

/// Whether asyncio takes it.
fn is_plain(data: &Bound<'_, PyAny>) -> bool {
    data.is_exact_instance_of::<PyBytes>()
        || data.is_exact_instance_of::<PyByteArray>()
        || data.is_exact_instance_of::<PyMemoryView>()
}

fn asyncios(
    transport: &Bound<'_, TlsTransportCore>,
    name: &str,
    data: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let class = transport.py().get_type::<TlsTransportCore>();
    PySuper::new(&class, transport)?.call_method1(name, (data,)).map(drop)
}
