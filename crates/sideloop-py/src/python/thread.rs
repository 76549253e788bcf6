//! Which thread this is.

//!
//! What is asked here is asked in the last steps of a thread, too, by finalizers and by destructors of C's: so a
//! thread-local variable has no destructor, or is known to be gone. `std::thread::current` panics there.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::python::names::names;
use crate::system::thread::is_first;

/// `threading.get_ident()` of the calling thread.
pub(crate) fn current() -> u64 {
    // SAFETY: no precondition.
    let ident = unsafe { ffi::PyThread_get_thread_ident() };
    #[allow(clippy::useless_conversion, reason = "c_ulong has 32 bits on Windows, where it is not")]
    u64::from(ident)
}

/// `threading.get_ident`, where threads are greenlets.
static GET_IDENT: OnceLock<Py<PyAny>> = OnceLock::new();

/// From here on threads are greenlets, to Python, which this tells from each other.
pub(crate) fn are_greenlets(get_ident: Py<PyAny>) {
    let _ = GET_IDENT.set(get_ident);
}

/// The calling greenlet, where threads are greenlets: what `threading.get_ident()` is there.
///
/// # Errors
/// What a signal handler raises meanwhile.
#[inline]
pub(crate) fn greenlet(py: Python<'_>) -> PyResult<Option<u64>> {
    match GET_IDENT.get() {
        Some(get_ident) => get_ident.call0(py)?.extract(py).map(Some),
        None => Ok(None),
    }
}

/// `threading.get_ident()` as Python's code has it.
///
/// # Errors
/// As `greenlet`.
pub(crate) fn ident(py: Python<'_>) -> PyResult<u64> {
    Ok(greenlet(py)?.unwrap_or_else(current))
}

/// The calling thread by a number that no other ever has, as idents may.
pub(crate) fn number() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        // ORDERING: Relaxed: only that no two are equal.
        NUMBER.set(NUMBERS.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// Whether the interpreter runs signal handlers on the calling thread.
///
/// # Errors
/// What `threading.main_thread()` raises.
pub(crate) fn is_main(py: Python<'_>) -> PyResult<bool> {
    thread_local! {
        // The answer, and the fork generation it was found in: the thread that forks becomes main.
        static ANSWER: Cell<Option<(u32, bool)>> = const { Cell::new(None) };
    }
    // The main thread of `threading` is a greenlet there. Handlers run in whichever is there.
    if GET_IDENT.get().is_some()
        && let Some(is_first) = is_first()
    {
        return Ok(is_first);
    }
    let generation = sideloop_core::generation::current();
    if let Some((found_in, answer)) = ANSWER.get()
        && found_in == generation
    {
        return Ok(answer);
    }
    let main = py.import("threading")?.call_method0("main_thread")?.getattr("ident")?;
    let answer = main.extract::<Option<u64>>()? == Some(current());
    ANSWER.set(Some((generation, answer)));
    Ok(answer)
}

/// Whether `threading` knows the calling thread: not one that it has not made, nor one that is in its last steps.
///
/// # Errors
/// What looking at the table of `threading` raises.
pub(crate) fn is_known(py: Python<'_>) -> PyResult<bool> {
    static THREADING: OnceLock<Py<PyModule>> = OnceLock::new();
    // Looked up once: every driven call asks, where sniffio is loaded.
    let threading = match THREADING.get() {
        Some(known) => known.bind(py),
        None => {
            let found = py.import("threading")?.unbind();
            THREADING.get_or_init(|| found).bind(py)
        }
    };
    threading.getattr(names(py).active.bind(py))?.contains(current())
}

/// Whether the thread that made this has ended. `ThreadLife()`.
///
/// What Python keeps for each thread (`threading.local`) dies a little before the thread does. What is kept
/// after that, by a finalizer that it ran, is never dropped: CPython has nothing left to drop it with.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct ThreadLife(Arc<AtomicBool>);

/// Says so when the thread ends.
struct Living(Arc<AtomicBool>);

impl Drop for Living {
    fn drop(&mut self) {
        // ORDERING: Relaxed: nothing else is published by it.
        self.0.store(true, Ordering::Relaxed);
    }
}

#[pymethods]
impl ThreadLife {
    #[new]
    fn new() -> Self {
        thread_local! {
            static HERE: Living = Living(Arc::default());
        }
        // It cannot be had any more where the thread has all but ended.
        let ended = HERE.try_with(|here| Arc::clone(&here.0));
        Self(ended.unwrap_or_else(|_gone| Arc::new(AtomicBool::new(true))))
    }

    #[getter]
    fn ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
