//! The loop's clock: asyncio's `time`, asked without Python for as long as it is the system's.
//!
//! Tests replace it: `loop.time` of a loop or of its class, `time.monotonic` in its module, the function in C
//! behind that. So it is asked, each time that the time is, whether all of them are as they were.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyString};

use super::core::LoopCore;
use super::overrides::Method;
use crate::python::names::names;
use crate::python::versions::{Asked, version_for};
use crate::system::clock::{IS_PYTHONS, monotonic};

/// Where asyncio's loops read the time.
struct System {
    /// The names of `asyncio.base_events`, in which it finds the module `time`.
    base_events: Py<PyDict>,
    module: Py<PyModule>,
    /// The names of that module, in which it finds `monotonic`.
    names: Py<PyDict>,
    /// The function in C that reads the system's clock; None if it could not be told.
    function: Option<ffi::PyCFunction>,
    asked: Asked,
    // ORDERING: Relaxed: read and written attached.
    /// The versions of both dictionaries that were looked at, and whether it is what is read by them.
    versions: [AtomicU64; 2],
    was_read: AtomicBool,
}

static SYSTEM: PyOnceLock<System> = PyOnceLock::new();

/// Look up how the time is read before anybody has changed it.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let module = py.import("time")?;
    let before = monotonic();
    let read: f64 = module.call_method0("monotonic")?.extract()?;
    // Somebody may have replaced it already.
    let is_systems = IS_PYTHONS && (before..=monotonic()).contains(&read);
    let function = is_systems.then(|| function_of(&module.getattr("monotonic").ok()?)).flatten();
    let names = names(py);
    let system = System {
        base_events: py.import("asyncio.base_events")?.dict().unbind(),
        names: module.dict().unbind(),
        module: module.unbind(),
        function,
        asked: Asked::new(py, [&names.time, &names.monotonic])?,
        versions: [AtomicU64::new(0), AtomicU64::new(0)],
        was_read: AtomicBool::new(false),
    };
    let _ = SYSTEM.set(py, system);
    Ok(())
}

impl System {
    /// Whether it is what asyncio's loops read.
    fn is_read(&self, py: Python<'_>) -> bool {
        let versions =
            [&self.base_events, &self.names].map(|names| version_for(names.bind(py), &self.asked));
        let known = self.versions.each_ref().map(|version| Some(version.load(Ordering::Relaxed)));
        if versions == known {
            return self.was_read.load(Ordering::Relaxed);
        }
        let is_read = self.look(py);
        self.was_read.store(is_read, Ordering::Relaxed);
        for (known, version) in self.versions.iter().zip(versions) {
            known.store(version.unwrap_or(0), Ordering::Relaxed);
        }
        is_read
    }

    fn look(&self, py: Python<'_>) -> bool {
        let names = names(py);
        let Some(function) = self.function else { return false };
        let module = held(&self.base_events, &names.time, py);
        if !module.is_some_and(|module| module.is(&self.module)) {
            return false;
        }
        let read = held(&self.names, &names.monotonic, py).and_then(|read| function_of(&read));
        read.is_some_and(|read| std::ptr::fn_addr_eq(read, function))
    }
}

/// What a module's dictionary holds under a name.
#[cfg(Py_GIL_DISABLED)]
fn held<'py>(
    names: &Py<PyDict>,
    name: &Py<PyString>,
    py: Python<'py>,
) -> Option<Bound<'py, PyAny>> {
    names.bind(py).get_item(name).ok().flatten()
}

/// What a module's dictionary holds under a name, for as long as nobody changes it.
#[cfg(not(Py_GIL_DISABLED))]
fn held<'a, 'py>(
    names: &'a Py<PyDict>,
    name: &Py<PyString>,
    py: Python<'py>,
) -> Option<Borrowed<'a, 'py, PyAny>> {
    // SAFETY: attached; the function returns a borrowed reference or null, with or without an exception.
    unsafe {
        let found = ffi::PyDict_GetItemWithError(names.as_ptr(), name.as_ptr());
        if found.is_null() {
            drop(PyErr::take(py));
            return None;
        }
        Some(Borrowed::from_ptr(py, found))
    }
}

/// The function in C behind a builtin one.
fn function_of(object: &Bound<'_, PyAny>) -> Option<ffi::PyCFunction> {
    // SAFETY: attached; the object is a builtin function, whose definition lives as long as it does.
    unsafe {
        (ffi::PyCFunction_CheckExact(object.as_ptr()) != 0)
            .then(|| ffi::PyCFunction_GetFunction(object.as_ptr()))
            .flatten()
    }
}

impl LoopCore {
    /// Whether the loop's time is the system's.
    pub(super) fn keeps_systems_time(slf: &Bound<'_, Self>) -> bool {
        let py = slf.py();
        Self::keeps(slf, Method::Time) && SYSTEM.get(py).is_some_and(|system| system.is_read(py))
    }

    /// The loop's time, in seconds.
    pub(super) fn now(slf: &Bound<'_, Self>) -> PyResult<f64> {
        if Self::keeps_systems_time(slf) {
            return Ok(monotonic());
        }
        slf.call_method0(names(slf.py()).time.bind(slf.py()))?.extract()
    }
}
