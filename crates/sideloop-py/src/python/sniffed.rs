//! Which async library code thinks it runs under: what sniffio knows, which anyio, httpx and others ask.
//!
//! trio, and anyio on trio, say that it is theirs, in a context variable and for the whole thread. Under a call
//! of ours it is asyncio: both are forgotten there, and sniffio finds asyncio's running task by itself, as in any
//! asyncio program. sniffio is not imported for that; where nobody has, nobody asks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::python::context;
use crate::python::dictionary::version_of;
use crate::python::names::names;

/// `sys.modules`
static MODULES: OnceLock<Py<PyDict>> = OnceLock::new();

/// The version of `sys.modules` in which sniffio was not.
static MISSED_IN: AtomicU64 = AtomicU64::new(0);

/// What sniffio has: the context variable, and what it knows of the thread.
static SNIFFIO: OnceLock<(Py<PyAny>, Py<PyAny>)> = OnceLock::new();

/// Look up what the others need, at import.
///
/// # Errors
/// What looking at `sys.modules` raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let _ = MODULES.set(modules.unbind());
    Ok(())
}

/// A copy of the calling thread's context, for a call to run in. No library is said to run there.
///
/// # Errors
/// `MemoryError`, and what setting a context variable raises.
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let copy = context::copy_current(py)?;
    if let Some((variable, _)) = sniffio(py)
        && context::get(variable.bind(py))?.is_some()
    {
        context::enter(copy.bind(py), || context::set(variable.bind(py), None))?;
    }
    Ok(copy)
}

/// The same, for the Python side.
#[pyfunction(name = "copy_context")]
pub(crate) fn copy_context_for_python(py: Python<'_>) -> PyResult<Py<PyAny>> {
    copy_context(py)
}

/// What this thread was said to run, while asyncio does.
#[derive(Default)]
pub(crate) struct Outer(Option<Py<PyAny>>);

/// From here on, no library is said to run on this thread.
///
/// # Errors
/// What setting an attribute of a `threading.local` raises.
pub(crate) fn suspend(py: Python<'_>) -> PyResult<Outer> {
    let Some((_, thread)) = sniffio(py) else { return Ok(Outer(None)) };
    if !super::thread::is_known(py)? {
        // In its last steps nothing runs on it, and what a `threading.local` gets by being asked is never dropped.
        return Ok(Outer(None));
    }
    let name = thread.bind(py).getattr(names(py).name.bind(py))?;
    if name.is_none() {
        return Ok(Outer(None));
    }
    thread.bind(py).setattr(names(py).name.bind(py), py.None())?;
    Ok(Outer(Some(name.unbind())))
}

impl Outer {
    /// It goes on.
    ///
    /// # Errors
    /// As `suspend`.
    pub(crate) fn resume(&self, py: Python<'_>) -> PyResult<()> {
        match (&self.0, sniffio(py)) {
            (Some(name), Some((_, thread))) => {
                thread.bind(py).setattr(names(py).name.bind(py), name)
            }
            _ => Ok(()),
        }
    }
}

/// sniffio, if somebody has imported it.
fn sniffio(py: Python<'_>) -> Option<&'static (Py<PyAny>, Py<PyAny>)> {
    if let Some(found) = SNIFFIO.get() {
        return Some(found);
    }
    let modules = MODULES.get()?.bind(py);
    let version = version_of(modules);
    // ORDERING: Relaxed: read and written attached.
    if version == Some(MISSED_IN.load(Ordering::Relaxed)) {
        return None;
    }
    let Some(module) = modules.get_item(names(py).sniffio.bind(py)).ok().flatten() else {
        MISSED_IN.store(version.unwrap_or(0), Ordering::Relaxed);
        return None;
    };
    // One that is just being imported has neither.
    let variable = module.getattr_opt("current_async_library_cvar").ok().flatten()?;
    let thread = module.getattr_opt("thread_local").ok().flatten()?;
    let _ = SNIFFIO.set((variable.unbind(), thread.unbind()));
    SNIFFIO.get()
}
