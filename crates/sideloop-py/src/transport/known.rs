//! Which class has transports of ours, and where each has its state.

use std::sync::OnceLock;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeCheck;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::stream::Stream;
use crate::python::making::without_init;
use crate::python::names::names;
use crate::python::slots::{held, section, slot_offset};
use crate::python::version;

/// The moving half of a transport: a mixin to stand before asyncio's own class.
///
/// All of its methods belong to the thread that runs the loop.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct TransportCore;

/// A class of transports.
pub(super) struct Known {
    class: Py<PyType>,
    /// Where its slot lies, in bytes from the start of an instance.
    offset: isize,
}

impl Known {
    /// A class whose instances have their state in the slot of this name.
    ///
    /// # Errors
    /// `TypeError`: it has no such slot.
    pub(super) fn new(class: &Bound<'_, PyType>, name: &str) -> PyResult<Self> {
        let offset = slot_offset(class, name)?.ok_or_else(|| {
            PyTypeError::new_err(format!("a class of transports has a slot named {name}"))
        })?;
        Ok(Self { class: class.clone().unbind(), offset })
    }

    /// The state of a transport; None if it has none, or is of another class.
    pub(super) fn find<'py, State: PyTypeCheck>(
        &self,
        transport: &Bound<'py, PyAny>,
    ) -> Option<Bound<'py, State>> {
        let class = transport.get_type_ptr();
        let ours = self.class.as_ptr().cast();
        // SAFETY: attached; both are classes that are alive.
        if class != ours && unsafe { ffi::PyType_IsSubtype(class, ours) } == 0 {
            return None;
        }
        // SAFETY: an instance of the class whose slot this is, which holds a live object or null.
        section(transport, || unsafe { held(transport, self.offset) })?.cast_into().ok()
    }
}

/// What is raised of a transport that has no state.
pub(super) fn never_made() -> PyErr {
    PyAttributeError::new_err("a transport whose __init__ has not run")
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// Have instances of this class be transports: it has the stream in its slot `_stream`. Once.
#[pyfunction]
#[pyo3(signature = (class_, /))]
pub(crate) fn know_transports(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let _ = KNOWN.set(Known::new(class_, "_stream")?);
    Ok(())
}

/// That class.
///
/// # Errors
/// `AttributeError`, before it is there.
pub(super) fn transport_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    Ok(KNOWN.get().ok_or_else(never_made)?.class.bind(py))
}

#[pymethods]
impl TransportCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }
}

/// The stream of a transport; None if it has none, or is no transport of ours.
pub(super) fn find_stream<'py>(transport: &Bound<'py, PyAny>) -> Option<Bound<'py, Stream>> {
    KNOWN.get()?.find(transport)
}

/// A transport without anything in it: its class is not called, whose constructor is Python's.
///
/// # Errors
/// `MemoryError`; `AttributeError`, where transports of ours are not known yet.
pub(super) fn allocate(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    without_init(transport_class(py)?)
}

/// Give a new transport its stream.
///
/// # Errors
/// `AttributeError`, where transports of ours are not known yet.
pub(super) fn give_stream(transport: &Bound<'_, PyAny>, stream: Bound<'_, Stream>) -> PyResult<()> {
    transport.setattr(names(transport.py()).stream.bind(transport.py()), stream)
}

/// The stream of a transport.
///
/// # Errors
/// `AttributeError`, as of a transport that was never made.
pub(super) fn stream_of<'py>(
    transport: &Bound<'py, TransportCore>,
) -> PyResult<Bound<'py, Stream>> {
    find_stream(transport.as_any()).ok_or_else(never_made)
}

/// Whether asyncio's transports have a context of their own for what they call: since CPython 3.15.
pub(super) fn has_context(py: Python<'_>) -> bool {
    version::is_at_least(py, 15)
}

/// Have the loop watch a transport's file, by its `_add_reader` or `_add_writer`.
///
/// # Errors
/// What that raises.
pub(super) fn add_file(
    transport: &Bound<'_, TransportCore>,
    event_loop: &Bound<'_, PyAny>,
    method: &Py<PyString>,
    fd: i32,
    ready: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = transport.py();
    // A transport that has a context passes it itself.
    let by = if has_context(py) { transport.as_any() } else { event_loop };
    by.call_method1(method.bind(py), (fd, ready)).map(drop)
}
