//! From one phase of a connection to the next.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::core::TlsCore;
use super::outgoing::asyncios;
use super::standard::standard;
use super::state::{Object, Phase, State};
use crate::python::names::names;

/// Go on to the next phase.
///
/// # Errors
/// `RuntimeError` of asyncio's, if that one does not come next.
pub(super) fn enter(slf: &Bound<'_, TlsCore>, next: Phase) -> PyResult<()> {
    let py = slf.py();
    let has_entered = slf.get().with(py, |state| {
        let comes_next = matches!(
            (state.phase, next),
            (_, Phase::Unwrapped)
                | (Phase::Unwrapped, Phase::Handshake)
                | (Phase::Handshake, Phase::Wrapped)
                | (Phase::Wrapped, Phase::Flushing)
                | (Phase::Flushing, Phase::Shutdown)
        );
        if comes_next {
            state.phase = next;
        }
        comes_next
    });
    if has_entered {
        return Ok(());
    }
    asyncios(slf, "_set_state", (standard()?.phases.member(py, next),)).map(drop)
}

/// Whether asyncio's own are to tell how long things take.
///
/// # Errors
/// What the loop raises.
pub(super) fn is_in_debug_mode(slf: &Bound<'_, TlsCore>) -> PyResult<bool> {
    let py = slf.py();
    let event_loop = slf.get().needed(py, |state| &state.event_loop)?;
    event_loop.call_method0(names(py).get_debug.bind(py))?.is_truthy()
}

/// Have a method called when the seconds of one field are over, and keep the timer in another.
///
/// # Errors
/// What the loop raises.
pub(super) fn start_timer(
    slf: &Bound<'_, TlsCore>,
    timeout: impl FnOnce(&State) -> &Object,
    method: &Py<PyString>,
    kept: impl FnOnce(&mut State) -> &mut Object,
) -> PyResult<()> {
    let py = slf.py();
    let timeout = slf.get().needed(py, timeout)?;
    let event_loop = slf.get().needed(py, |state| &state.event_loop)?;
    let check = slf.getattr(method.bind(py))?;
    let timer = event_loop.call_method1(names(py).call_later.bind(py), (timeout, check))?;
    slf.get().hold(&timer, kept);
    Ok(())
}
