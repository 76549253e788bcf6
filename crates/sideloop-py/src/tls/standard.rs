//! What of asyncio's and of `ssl` is known here, as it was at import.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::python::names::names;
use crate::python::slots::{class_version, get};

/// The methods of `ssl.SSLObject` that hand on their arguments to what it is made of.
const METHODS: [&str; 3] = ["read", "write", "pending"];

struct Standard {
    /// asyncio's `SSLAgainErrors`: there is nothing more to be read now.
    again: Py<PyAny>,
    /// `ssl.SSLObject`
    object: Py<PyType>,
    /// Its methods.
    methods: Vec<Py<PyAny>>,
    /// `ssl.MemoryBIO`, which nobody can change.
    bio: Py<PyType>,
    /// What tells how many bytes lie in one.
    pending: Py<PyAny>,
}

static STANDARD: OnceLock<Option<Standard>> = OnceLock::new();

impl Standard {
    /// None where this Python has no `ssl`, or an older `SSLProtocol`: CPython 3.10.
    fn look(py: Python<'_>) -> PyResult<Option<Self>> {
        let module = py.import("asyncio.sslproto")?;
        let Some(again) = module.getattr_opt("SSLAgainErrors")? else { return Ok(None) };
        let ssl = py.import("ssl")?;
        let object = ssl.getattr("SSLObject")?.cast_into::<PyType>()?;
        let methods = methods_of(&object)?;
        let bio = ssl.getattr("MemoryBIO")?.cast_into::<PyType>()?;
        let pending = bio.getattr("__dict__")?.get_item("pending")?;
        Ok(Some(Self {
            again: again.unbind(),
            object: object.unbind(),
            methods,
            bio: bio.unbind(),
            pending: pending.unbind(),
        }))
    }
}

fn methods_of(class: &Bound<'_, PyType>) -> PyResult<Vec<Py<PyAny>>> {
    let own = class.getattr("__dict__")?;
    METHODS.iter().map(|name| own.get_item(name).map(Bound::unbind)).collect()
}

/// The versions of classes: see `class_version`.
///
/// # Errors
/// `MemoryError`.
#[pyfunction]
#[pyo3(signature = (*classes))]
pub(crate) fn versions_of<'py>(classes: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
    let versions = classes.iter().map(|class| Ok(class_version(class.cast::<PyType>()?)));
    PyTuple::new(classes.py(), versions.collect::<PyResult<Vec<_>>>()?)
}

pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let found = Standard::look(py)?;
    let _ = STANDARD.set(found);
    Ok(())
}

/// Whether this error says that there is nothing more to be read or written now.
pub(super) fn is_again(py: Python<'_>, error: &PyErr) -> bool {
    let known = STANDARD.get().and_then(Option::as_ref);
    known.is_some_and(|known| error.matches(py, known.again.bind(py)).unwrap_or(false))
}

/// How many bytes lie in a `MemoryBIO`.
///
/// # Errors
/// None that is known of.
pub(super) fn pending(bio: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = bio.py();
    let known = STANDARD.get().and_then(Option::as_ref);
    match known.filter(|known| bio.get_type().is(&known.bio)) {
        Some(known) => get(known.pending.bind(py), bio)?.extract(),
        None => bio.getattr(names(py).pending.bind(py))?.extract(),
    }
}

/// What an `ssl.SSLObject` hands its reads and writes on to; itself, where it is of another class, or somebody has
/// replaced one of the methods.
///
/// # Errors
/// What asking for it raises.
pub(super) fn inside_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let Some(known) = STANDARD.get().and_then(Option::as_ref) else { return Ok(object.clone()) };
    let class = known.object.bind(py);
    if !object.get_type().is(class) {
        return Ok(object.clone());
    }
    let now = methods_of(class)?;
    let is_plain = now.iter().zip(&known.methods).all(|(now, known)| now.is(known));
    if is_plain { object.getattr("_sslobj") } else { Ok(object.clone()) }
}
