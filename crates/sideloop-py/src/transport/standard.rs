//! asyncio's own modules, whose names are looked up each time: whoever replaces one of them expects that.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::known::transport_class;
use crate::python::names::names;

/// The modules. To import one anew each time takes longer than all that is asked of it.
pub(super) struct Standard {
    pub(super) base_events: Py<PyModule>,
    pub(super) selector_events: Py<PyModule>,
    pub(super) protocols: Py<PyModule>,
    pub(super) futures: Py<PyModule>,
    pub(super) trsock: Py<PyModule>,
}

static STANDARD: OnceLock<Standard> = OnceLock::new();

impl Standard {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let module = |name| py.import(name).map(Bound::unbind);
        Ok(Self {
            base_events: module("asyncio.base_events")?,
            selector_events: module("asyncio.selector_events")?,
            protocols: module("asyncio.protocols")?,
            futures: module("asyncio.futures")?,
            trsock: module("asyncio.trsock")?,
        })
    }
}

/// Whether asyncio would make transports of the class that ours is derived from: whoever has replaced it wants that one.
///
/// # Errors
/// What asking for it raises.
pub(super) fn uses_our_base(py: Python<'_>) -> PyResult<bool> {
    let base = transport_class(py)?.bases().get_item(1)?;
    let name = names(py).socket_transport.bind(py);
    Ok(standard(py)?.selector_events.bind(py).getattr(name)?.is(&base))
}

/// The modules, imported by the first caller.
///
/// # Errors
/// What importing them raises.
pub(super) fn standard(py: Python<'_>) -> PyResult<&'static Standard> {
    if let Some(known) = STANDARD.get() {
        return Ok(known);
    }
    let found = Standard::new(py)?;
    // Not what fills itself and detaches meanwhile: see `names.rs`.
    Ok(STANDARD.get_or_init(|| found))
}
