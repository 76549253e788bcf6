//! Which transport has a descriptor: asyncio's `_transports`, a `WeakValueDictionary`, which refuses a second one.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use crate::python::names::names;

/// What its entries are made of.
struct Known {
    register: Py<PyType>,
    reference: Py<PyType>,
    /// `weakref.ref.__new__`
    new: Py<PyAny>,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// Look the classes up. At import.
///
/// # Errors
/// What importing them raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let module = py.import("weakref")?;
    let class = |name: &str| -> PyResult<Py<PyType>> {
        Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
    };
    let new = module.getattr("ref")?.getattr("__new__")?.unbind();
    let known =
        Known { register: class("WeakValueDictionary")?, reference: class("KeyedRef")?, new };
    let _ = KNOWN.set(known);
    Ok(())
}

/// Put a transport in, as `_transports[fd] = transport` does: two methods and a constructor in Python, of which this is
/// what is left where nothing is being removed.
///
/// # Errors
/// `MemoryError`.
pub(super) fn register(
    event_loop: &Bound<'_, PyAny>,
    fd: i32,
    transport: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = event_loop.py();
    let names = names(py);
    let all = event_loop.getattr(names.transports.bind(py))?;
    let Some(known) = KNOWN.get().filter(|known| all.get_type().is(&known.register)) else {
        return all.set_item(fd, transport);
    };
    let waits = all.getattr_opt(names.pending_removals.bind(py))?;
    let data = all.getattr_opt(names.data.bind(py))?;
    let remove = all.getattr_opt(names.remove.bind(py))?;
    let (Some(Ok(waits)), Some(Ok(data)), Some(remove)) = (
        waits.map(Bound::cast_into_exact::<PyList>),
        data.map(Bound::cast_into_exact::<PyDict>),
        remove,
    ) else {
        return all.set_item(fd, transport);
    };
    if !waits.is_empty() {
        return all.set_item(fd, transport);
    }
    let reference = known.new.bind(py).call1((&known.reference, transport, remove))?;
    reference.setattr(names.key.bind(py), fd)?;
    data.set_item(fd, reference)
}

/// Whether a transport may have this descriptor already: then asyncio is to be asked.
///
/// # Errors
/// None that is known of.
pub(super) fn may_be_registered(event_loop: &Bound<'_, PyAny>, fd: i32) -> PyResult<bool> {
    let py = event_loop.py();
    let all = event_loop.getattr(names(py).transports.bind(py))?;
    match all.getattr_opt(names(py).data.bind(py))? {
        Some(data) => data.contains(fd),
        None => Ok(true),
    }
}
