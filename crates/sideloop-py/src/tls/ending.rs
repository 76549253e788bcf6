//! The end of a connection, as the user's protocol is told of it.

use pyo3::prelude::*;

use super::core::TlsCore;
use super::outgoing::fail;
use super::standard::standard;
use super::state::{Object, Phase, State, Told};
use crate::policy::outcome::is_exit;
use crate::python::names::names;

/// Give who waits for the handshake its result: None, or an error.
///
/// # Errors
/// What the future raises.
pub(super) fn wake(slf: &Bound<'_, TlsCore>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let py = slf.py();
    let names = names(py);
    let Some(waiter) = slf.get().held(py, |state| &state.waiter) else { return Ok(()) };
    let waiter = waiter.bind(py);
    if !waiter.call_method0(names.cancelled.bind(py))?.is_truthy()? {
        match error {
            Some(error) => waiter.call_method1(names.set_exception.bind(py), (error,))?,
            None => waiter.call_method1(names.set_result.bind(py), (py.None(),))?,
        };
    }
    slf.get().drop_held(py, |state| &mut state.waiter);
    Ok(())
}

/// Cancel a timer, if there is one.
///
/// # Errors
/// What it raises.
pub(super) fn cancel(
    slf: &Bound<'_, TlsCore>,
    which: impl FnOnce(&mut State) -> &mut Object,
) -> PyResult<()> {
    let py = slf.py();
    match slf.get().with(py, |state| which(state).take()) {
        Some(timer) => timer.call_method0(py, names(py).cancel.bind(py)).map(drop),
        None => Ok(()),
    }
}

/// Tell the protocol that nothing more will come. Once.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt`.
pub(super) fn tell_of_end(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let is_due = slf.get().with(py, |state| {
        let is_due = state.told == Told::Made;
        if is_due {
            state.told = Told::End;
        }
        is_due
    });
    if !is_due {
        return Ok(());
    }
    let tell = || -> PyResult<()> {
        let protocol = slf.get().needed(py, |state| &state.protocol)?;
        if protocol.call_method0(names(py).eof_received.bind(py))?.is_truthy()? {
            let log = standard()?.sslproto.bind(py).getattr("logger")?;
            log.call_method1("warning", (KEEPS_OPEN,))?;
        }
        Ok(())
    };
    match tell() {
        Err(error) if !is_exit(py, &error) => fail(slf, error, "Error calling eof_received()"),
        told => told,
    }
}

const KEEPS_OPEN: &str = "returning true from eof_received() has no effect when using ssl";

#[pymethods]
impl TlsCore {
    fn _call_eof_received(slf: &Bound<'_, Self>) -> PyResult<()> {
        tell_of_end(slf)
    }

    /// The transport below is closed.
    fn connection_lost(slf: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let (core, names) = (slf.get(), names(py));
        core.needed(py, |state| &state.backlog)?.call_method0(names.clear.bind(py))?;
        core.needed(py, |state| &state.outgoing)?.call_method0(names.read.bind(py))?;
        core.with(py, |state| state.times_lost += 1);
        close_transport(slf)?;
        let is_due = core.with(py, |state| {
            let knows = matches!(state.told, Told::Made | Told::End);
            let is_due = knows && state.phase != Phase::Handshake;
            if is_due {
                state.told = Told::Lost;
            }
            is_due
        });
        if is_due {
            let protocol = core.needed(py, |state| &state.protocol)?;
            let lost = protocol.getattr(names.connection_lost.bind(py))?;
            let event_loop = core.needed(py, |state| &state.event_loop)?;
            event_loop.call_method1(names.call_soon.bind(py), (lost, exc))?;
        }
        core.with(py, |state| state.phase = Phase::Unwrapped);
        core.drop_held(py, |state| &mut state.transport);
        core.drop_held(py, |state| &mut state.app_transport);
        core.drop_held(py, |state| &mut state.protocol);
        wake(slf, Some(exc).filter(|exc| !exc.is_none()))?;
        cancel(slf, |state| &mut state.shutdown_timer)?;
        cancel(slf, |state| &mut state.handshake_timer)
    }
}

/// Have what the protocol writes to know that it is closed: its finalizer asks.
///
/// # Errors
/// What setting it raises.
pub(super) fn close_transport(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    match slf.get().held(py, |state| &state.app_transport) {
        Some(transport) => transport.setattr(py, names(py).closed.bind(py), true),
        None => Ok(()),
    }
}
