//! What of asyncio's and of `ssl` is known here, as it was at import.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple, PyType};

use super::state::{PHASES, Phase, TOLD, Told};
use crate::python::making::without_init;
use crate::python::names::names;
use crate::python::slots::{class_version, get};

/// The methods of `ssl.SSLObject` that hand on their arguments to what it is made of.
const METHODS: [&str; 3] = ["read", "write", "pending"];

/// Members of an enumeration, and what each stands for.
pub(super) struct Members<M>(Vec<(M, Py<PyAny>)>);

impl<M: Copy + PartialEq + Default> Members<M> {
    fn of(enumeration: &Bound<'_, PyAny>, all: &[(M, &str)]) -> PyResult<Self> {
        let member = |&(one, name): &(M, &str)| Ok((one, enumeration.getattr(name)?.unbind()));
        all.iter().map(member).collect::<PyResult<_>>().map(Self)
    }

    /// The member that stands for this.
    pub(super) fn member(&self, py: Python<'_>, which: M) -> Option<Py<PyAny>> {
        let found = self.0.iter().find(|(one, _)| *one == which);
        found.map(|(_, member)| member.clone_ref(py))
    }

    /// What a member stands for.
    pub(super) fn meant(&self, member: &Bound<'_, PyAny>) -> M {
        let found = self.0.iter().find(|(_, one)| member.is(one));
        found.map_or_else(M::default, |(meant, _)| *meant)
    }
}

pub(super) struct Standard {
    /// Where asyncio's own names are looked up each time.
    pub(super) sslproto: Py<PyModule>,
    pub(super) constants: Py<PyModule>,
    pub(super) protocols: Py<PyModule>,
    pub(super) phases: Members<Phase>,
    pub(super) told: Members<Told>,
    /// `collections.deque`
    pub(super) deque: Py<PyAny>,
    /// asyncio's `SSLAgainErrors`: there is nothing more to be read now.
    again: Py<PyAny>,
    /// `ssl.SSLError`
    error: Py<PyAny>,
    /// `ssl.SSLObject`
    object: Py<PyType>,
    /// Its methods.
    methods: Vec<Py<PyAny>>,
    /// Its version when it was last seen to have those.
    usual_version: AtomicU32,
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
        let member_of = |name| module.getattr(name);
        let phases = Members::of(&member_of("SSLProtocolState")?, &PHASES)?;
        let told = Members::of(&member_of("AppProtocolState")?, &TOLD)?;
        let ssl = py.import("ssl")?;
        let object = ssl.getattr("SSLObject")?.cast_into::<PyType>()?;
        let methods = methods_of(&object)?;
        let bio = ssl.getattr("MemoryBIO")?.cast_into::<PyType>()?;
        let pending = bio.getattr("__dict__")?.get_item("pending")?;
        Ok(Some(Self {
            constants: py.import("asyncio.constants")?.unbind(),
            protocols: py.import("asyncio.protocols")?.unbind(),
            sslproto: module.unbind(),
            phases,
            told,
            deque: py.import("collections")?.getattr("deque")?.unbind(),
            again: again.unbind(),
            error: ssl.getattr("SSLError")?.unbind(),
            object: object.unbind(),
            methods,
            usual_version: AtomicU32::new(0),
            bio: bio.unbind(),
            pending: pending.unbind(),
        }))
    }
}

impl Standard {
    /// A new `ssl.MemoryBIO`.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn new_bio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        without_init(self.bio.bind(py))
    }

    /// Whether `ssl.SSLObject` is as it was.
    fn has_its_methods(&self, py: Python<'_>) -> PyResult<bool> {
        let class = self.object.bind(py);
        let version = class_version(class);
        // ORDERING: Relaxed: compared only, and each version is of the same methods.
        if version != 0 && self.usual_version.load(Ordering::Relaxed) == version {
            return Ok(true);
        }
        let now = methods_of(class)?;
        let is_usual = now.iter().zip(&self.methods).all(|(now, known)| now.is(known));
        if is_usual {
            self.usual_version.store(version, Ordering::Relaxed);
        }
        Ok(is_usual)
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

/// What was found at import.
fn known() -> Option<&'static Standard> {
    STANDARD.get().and_then(Option::as_ref)
}

/// The same, for a connection.
///
/// # Errors
/// `RuntimeError`, where there is none: nobody makes a connection there.
pub(super) fn standard() -> PyResult<&'static Standard> {
    known().ok_or_else(|| PyRuntimeError::new_err("this Python's asyncio has no TLS as known here"))
}

/// Whether this error says that there is nothing more to be read or written now.
pub(super) fn is_again(py: Python<'_>, error: &PyErr) -> bool {
    known().is_some_and(|known| error.matches(py, known.again.bind(py)).unwrap_or(false))
}

/// Whether this error is one of TLS.
pub(super) fn is_of_ssl(py: Python<'_>, error: &PyErr) -> bool {
    known().is_some_and(|known| error.matches(py, known.error.bind(py)).unwrap_or(false))
}

/// How many bytes lie in a `MemoryBIO`.
///
/// # Errors
/// None that is known of.
pub(super) fn pending(bio: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = bio.py();
    match known().filter(|known| bio.get_type().is(&known.bio)) {
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
    let Some(known) = known() else { return Ok(object.clone()) };
    let class = known.object.bind(py);
    if !object.get_type().is(class) || !known.has_its_methods(py)? {
        return Ok(object.clone());
    }
    object.getattr(names(py).inner_object.bind(py))
}
