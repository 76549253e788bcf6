//! The end of TLS, by this side: what is left is read, and the peer told.

use pyo3::prelude::*;

use super::core::TlsCore;
use super::ending::{close_transport, tell_of_end};
use super::engine;
use super::incoming;
use super::outgoing::{asyncios, send};
use super::phase::{enter, start_timer};
use super::standard::is_of_ssl;
use super::state::Phase;
use crate::python::handling::while_handling;
use crate::python::names::names;

#[pymethods]
impl TlsCore {
    fn _start_shutdown(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().with(py, |state| state.phase) {
            Phase::Flushing | Phase::Shutdown | Phase::Unwrapped => return Ok(()),
            Phase::Handshake => return asyncios(slf, "_start_shutdown", ()).map(drop),
            Phase::Wrapped => {}
        }
        close_transport(slf)?;
        enter(slf, Phase::Flushing)?;
        start_timer(
            slf,
            |state| &state.shutdown_timeout,
            &names(py).check_shutdown_timeout,
            |state| &mut state.shutdown_timer,
        )?;
        flush(slf)
    }

    fn _do_flush(slf: &Bound<'_, Self>) -> PyResult<()> {
        flush(slf)
    }

    fn _do_shutdown(slf: &Bound<'_, Self>) -> PyResult<()> {
        go_on(slf)
    }
}

/// Read what is left, then end.
///
/// # Errors
/// `RuntimeError`, if what was read has ended it already, as asyncio's.
pub(super) fn flush(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    incoming::read(slf)?;
    enter(slf, Phase::Shutdown)?;
    go_on(slf)
}

/// Go on with the end, since something has come.
///
/// # Errors
/// What the transport below raises.
pub(super) fn go_on(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    if !core.with(py, |state| state.eof_received) {
        match engine::shut_down(&core.needed(py, |state| &state.object)?) {
            Ok(true) => {}
            Ok(false) => return send(slf),
            Err(error) if is_of_ssl(py, &error) => return complete(slf, Some(error)),
            Err(error) => return Err(error),
        }
    }
    send(slf)?;
    tell_of_end(slf)?;
    complete(slf, None)
}

/// How long the transport below may take to close is told by each version in its own way.
fn complete(slf: &Bound<'_, TlsCore>, error: Option<PyErr>) -> PyResult<()> {
    let py = slf.py();
    let method = names(py).on_shutdown_complete.bind(py);
    let Some(error) = error else { return slf.call_method1(method, (py.None(),)).map(drop) };
    let error = error.into_value(py).into_bound(py).into_any();
    while_handling(&error, || slf.call_method1(method, (&error,))).map(drop)
}
