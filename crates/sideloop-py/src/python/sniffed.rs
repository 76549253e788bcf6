//! Which async library code thinks it runs under: what sniffio knows, which anyio, httpx and others ask.
//!
//! trio, and anyio on trio, say that it is theirs, in a context variable and for the whole thread. Under a call
//! of ours it is asyncio: both are forgotten there, and sniffio finds asyncio's running task by itself, as in any
//! asyncio program. sniffio is not imported for that; where nobody has, nobody asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::python::attached::Attached;
use crate::python::context;
use crate::python::names::names;
use crate::python::versions::{Asked, version_for};

/// `sys.modules`, and what is looked for there: asgiref, too.
static MODULES: OnceLock<(Py<PyDict>, Asked)> = OnceLock::new();

/// What sniffio has.
struct Sniffio {
    module: Py<PyAny>,
    /// The context variable.
    variable: Py<PyAny>,
    /// What it knows of the thread.
    thread: Py<PyAny>,
}

/// What the last look at `sys.modules` has found.
struct Look {
    /// The version that was looked at; 0 before the first.
    version: u64,
    found: Option<Arc<Sniffio>>,
}

static LAST: Attached<Look> = Attached::new(Look { version: 0, found: None });

/// Look up what the others need, at import.
///
/// # Errors
/// What looking at `sys.modules` raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let names = names(py);
    let asked = Asked::new(py, [&names.sniffio, &names.asgiref_sync])?;
    let _ = MODULES.set((modules.unbind(), asked));
    Ok(())
}

/// A copy of the calling thread's context, for a call to run in. No library is said to run there.
///
/// # Errors
/// `MemoryError`, what setting a context variable raises, and a signal handler meanwhile.
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let copy = context::copy_current(py)?;
    if let Some(sniffio) = sniffio(py)?
        && context::get(sniffio.variable.bind(py))?.is_some()
    {
        context::enter(copy.bind(py), || context::set(sniffio.variable.bind(py), None))?;
    }
    Ok(copy)
}

/// The same, for the Python side.
#[pyfunction(name = "copy_context")]
pub(crate) fn copy_context_for_python(py: Python<'_>) -> PyResult<Py<PyAny>> {
    copy_context(py)
}

/// What this thread was said to run, while asyncio does, and where.
#[derive(Default)]
pub(crate) struct Outer(Option<(Arc<Sniffio>, Py<PyAny>)>);

/// From here on, no library is said to run on this thread.
///
/// # Errors
/// What setting an attribute of a `threading.local` raises, and a signal handler meanwhile.
pub(crate) fn suspend(py: Python<'_>) -> PyResult<Outer> {
    let Some(sniffio) = sniffio(py)? else { return Ok(Outer(None)) };
    if !super::thread::is_known(py)? {
        // In its last steps nothing runs on it, and what a `threading.local` gets by being asked is never dropped.
        return Ok(Outer(None));
    }
    let name = sniffio.thread.bind(py).getattr(names(py).name.bind(py))?;
    if name.is_none() {
        return Ok(Outer(None));
    }
    sniffio.thread.bind(py).setattr(names(py).name.bind(py), py.None())?;
    Ok(Outer(Some((sniffio, name.unbind()))))
}

impl Outer {
    /// It goes on.
    ///
    /// # Errors
    /// As `suspend`.
    pub(crate) fn resume(&self, py: Python<'_>) -> PyResult<()> {
        match &self.0 {
            Some((sniffio, name)) => sniffio.thread.bind(py).setattr(names(py).name.bind(py), name),
            None => Ok(()),
        }
    }
}

/// sniffio, if somebody has imported it.
#[inline]
fn sniffio(py: Python<'_>) -> PyResult<Option<Arc<Sniffio>>> {
    let Some((modules, asked)) = MODULES.get() else { return Ok(None) };
    let modules = modules.bind(py);
    let version = version_for(modules, asked);
    if version.is_none() {
        return look(modules, version);
    }
    let known = LAST.with(py, |last| (version == Some(last.version)).then(|| last.found.clone()));
    match known {
        Some(found) => Ok(found),
        None => look(modules, version),
    }
}

/// Look for sniffio in what is imported by now, whose version that is; and for asgiref.
#[inline(never)]
fn look(modules: &Bound<'_, PyDict>, version: Option<u64>) -> PyResult<Option<Arc<Sniffio>>> {
    let py = modules.py();
    let version = if is_asgiref_served(modules)? { version } else { None };
    let module = modules.get_item(names(py).sniffio.bind(py)).ok().flatten();
    let found = match &module {
        Some(module) => match last_of(module).or_else(|| look_into(module)) {
            Some(found) => Some(found),
            None => return Ok(None),
        },
        None => None,
    };
    if cfg!(Py_GIL_DISABLED) && module.is_none() {
        // Looked at each time: what all threads would write to, and pass around, is left alone.
        return Ok(None);
    }
    let look = Look { version: version.unwrap_or(0), found: found.clone() };
    let before = LAST.with(py, |last| std::mem::replace(last, look));
    drop(before);
    Ok(found)
}

/// Whether asgiref's thread-sensitive code runs on the threads of callers, if somebody has imported it: from the next
/// call on. False while it is being imported.
///
/// # Errors
/// What a signal handler raises meanwhile.
fn is_asgiref_served(modules: &Bound<'_, PyDict>) -> PyResult<bool> {
    // ORDERING: Relaxed: read and written attached.
    static SERVED: AtomicBool = AtomicBool::new(false);
    if SERVED.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let py = modules.py();
    let Ok(Some(asgiref)) = modules.get_item(names(py).asgiref_sync.bind(py)) else {
        return Ok(true);
    };
    let install = || -> PyResult<bool> {
        let ours = py.import("sideloop._runners.thread_sensitive")?;
        ours.call_method1("install", (asgiref,))?.is_truthy()
    };
    let served = match install() {
        Ok(served) => served,
        Err(exit) if !exit.is_instance_of::<PyException>(py) => return Err(exit),
        // What fails is tried again, whatever has failed it; but a signal handler's error is the program's.
        Err(error) => {
            let signals = py.import("sideloop._base.signals")?;
            signals.call_method1("raise_a_handlers", (error.into_value(py),))?;
            false
        }
    };
    SERVED.store(served, Ordering::Relaxed);
    Ok(served)
}

/// What was found in this module before.
fn last_of(module: &Bound<'_, PyAny>) -> Option<Arc<Sniffio>> {
    LAST.with(module.py(), |last| last.found.clone().filter(|found| found.module.is(module)))
}

/// What is in it, if it has all: one that is just being imported has not, nor has what a test puts there.
fn look_into(module: &Bound<'_, PyAny>) -> Option<Arc<Sniffio>> {
    let variable = module.getattr_opt("current_async_library_cvar").ok().flatten()?;
    let thread = module.getattr_opt("thread_local").ok().flatten()?;
    let has_name = thread.hasattr(names(module.py()).name.bind(module.py())).ok()?;
    (context::is_variable(&variable) && has_name).then(|| {
        let (module, variable) = (module.clone().unbind(), variable.unbind());
        Arc::new(Sniffio { module, variable, thread: thread.unbind() })
    })
}
