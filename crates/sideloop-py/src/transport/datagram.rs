//! Which class has transports of datagrams, and where each has its state.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::datagrams::Datagrams;
use super::known::{Known, never_made};

/// The moving half of a transport of datagrams: a mixin to stand before asyncio's own class.
///
/// All of its methods belong to the thread that runs the loop.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct DatagramCore;

static KNOWN: OnceLock<Known> = OnceLock::new();

/// Have instances of this class be transports of datagrams: it has their state in its slot `_datagrams`. Once.
#[pyfunction]
#[pyo3(signature = (class_, /))]
pub(crate) fn know_datagrams(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let _ = KNOWN.set(Known::new(class_, "_datagrams")?);
    Ok(())
}

#[pymethods]
impl DatagramCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }
}

/// The state of a transport; None if it has none, or is no transport of ours.
pub(super) fn find_datagrams<'py>(transport: &Bound<'py, PyAny>) -> Option<Bound<'py, Datagrams>> {
    KNOWN.get()?.find(transport)
}

/// The state of a transport.
///
/// # Errors
/// `AttributeError`, as of a transport that was never made.
pub(super) fn datagrams_of<'py>(
    transport: &Bound<'py, DatagramCore>,
) -> PyResult<Bound<'py, Datagrams>> {
    find_datagrams(transport.as_any()).ok_or_else(never_made)
}
