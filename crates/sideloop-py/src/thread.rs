//! Which thread this is.

use std::cell::Cell;

use pyo3::ffi;
use pyo3::prelude::*;

/// `threading.get_ident()` of the calling thread.
pub(crate) fn current() -> u64 {
    // SAFETY: no precondition.
    let ident = unsafe { ffi::PyThread_get_thread_ident() };
    #[expect(clippy::useless_conversion, reason = "c_ulong has 32 bits on Windows")]
    u64::from(ident)
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
