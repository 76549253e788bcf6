//! The event loop that runs on a thread, as asyncio has it.

use std::sync::OnceLock;

use pyo3::prelude::*;

/// `asyncio._get_running_loop`
static GET_RUNNING_LOOP: OnceLock<Py<PyAny>> = OnceLock::new();

/// Look up what `running_loop` asks, at import.
///
/// # Errors
/// What importing asyncio raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let get_running_loop = py.import("asyncio.events")?.getattr("_get_running_loop")?;
    let _ = GET_RUNNING_LOOP.set(get_running_loop.unbind());
    Ok(())
}

/// The event loop that the calling thread runs, if it runs one: the innermost.
///
/// # Errors
/// What asking asyncio raises.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some(ask) = GET_RUNNING_LOOP.get() else { return Ok(None) };
    let running = ask.bind(py).call0()?;
    Ok((!running.is_none()).then_some(running))
}
