//! What of asyncio's and of `ssl` is known here, as it was at import.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyType;

/// The methods of `ssl.SSLObject` that hand on their arguments to what it is made of.
const METHODS: [&str; 3] = ["read", "write", "pending"];

struct Standard {
    /// asyncio's `SSLAgainErrors`: there is nothing more to be read now.
    again: Py<PyAny>,
    /// `ssl.SSLObject`
    object: Py<PyType>,
    /// Its methods.
    methods: Vec<Py<PyAny>>,
}

static STANDARD: OnceLock<Option<Standard>> = OnceLock::new();

impl Standard {
    /// None where this Python has no `ssl`, or an older `SSLProtocol`: CPython 3.10.
    fn look(py: Python<'_>) -> PyResult<Option<Self>> {
        let module = py.import("asyncio.sslproto")?;
        let Some(again) = module.getattr_opt("SSLAgainErrors")? else { return Ok(None) };
        let object = py.import("ssl")?.getattr("SSLObject")?.cast_into::<PyType>()?;
        let methods = methods_of(&object)?;
        Ok(Some(Self { again: again.unbind(), object: object.unbind(), methods }))
    }
}

fn methods_of(class: &Bound<'_, PyType>) -> PyResult<Vec<Py<PyAny>>> {
    let own = class.getattr("__dict__")?;
    METHODS.iter().map(|name| own.get_item(name).map(Bound::unbind)).collect()
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
