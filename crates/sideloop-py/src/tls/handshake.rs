//! The handshake: from a transport below to a protocol that may write.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::core::TlsCore;
use super::ending::{cancel, wake};
use super::engine;
use super::incoming;
use super::outgoing::{asyncios, send};
use super::phase::{enter, is_in_debug_mode, start_timer};
use super::standard::is_of_ssl;
use super::state::{Phase, Told};
use super::transport::app_transport;
use crate::python::handling::while_handling;
use crate::python::names::names;

#[pymethods]
impl TlsCore {
    /// There is a transport below: begin.
    fn connection_made(slf: &Bound<'_, Self>, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        slf.get().hold(transport, |state| &mut state.transport);
        if is_in_debug_mode(slf)? {
            return asyncios(slf, "_start_handshake", ()).map(drop);
        }
        enter(slf, Phase::Handshake)?;
        start_timer(
            slf,
            |state| &state.handshake_timeout,
            &names(py).check_handshake_timeout,
            |state| &mut state.handshake_timer,
        )?;
        go_on(slf)
    }

    fn _do_handshake(slf: &Bound<'_, Self>) -> PyResult<()> {
        go_on(slf)
    }
}

/// Go on with it, since something has come.
///
/// # Errors
/// What the protocol raises, which is told of its connection.
pub(super) fn go_on(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let object = slf.get().needed(py, |state| &state.object)?;
    match engine::shake_hands(&object) {
        Ok(true) => complete(slf, &object),
        Ok(false) => send(slf),
        Err(error) if is_of_ssl(py, &error) => fail(slf, error),
        Err(error) => Err(error),
    }
}

/// Have asyncio's own say so.
fn fail(slf: &Bound<'_, TlsCore>, error: PyErr) -> PyResult<()> {
    let error = error.into_value(slf.py()).into_bound(slf.py()).into_any();
    let fail = || asyncios(slf, "_on_handshake_complete", (&error,));
    while_handling(&error, fail).map(drop)
}

fn complete<'py>(slf: &Bound<'py, TlsCore>, object: &Bound<'py, PyAny>) -> PyResult<()> {
    let py = slf.py();
    let (core, names) = (slf.get(), names(py));
    if is_in_debug_mode(slf)? {
        return asyncios(slf, "_on_handshake_complete", (py.None(),)).map(drop);
    }
    cancel(slf, |state| &mut state.handshake_timer)?;
    let certificate = match enter(slf, Phase::Wrapped).and_then(|()| engine::certificate(object)) {
        Ok(certificate) => certificate,
        Err(error) if error.is_instance_of::<PyException>(py) => return fail(slf, error),
        Err(error) => return Err(error),
    };
    let [cipher, compression] = engine::agreed(object)?;
    let extra = core.needed(py, |state| &state.extra)?;
    extra.set_item(names.peercert.bind(py), certificate)?;
    extra.set_item(names.cipher.bind(py), cipher)?;
    extra.set_item(names.compression.bind(py), compression)?;
    extra.set_item(names.ssl_object.bind(py), object)?;
    let is_due = core.with(py, |state| {
        let is_due = state.told == Told::Nothing;
        if is_due {
            state.told = Told::Made;
        }
        is_due
    });
    if is_due {
        let protocol = core.needed(py, |state| &state.protocol)?;
        let transport = app_transport(slf)?;
        protocol.call_method1(names.connection_made.bind(py), (transport,))?;
    }
    wake(slf, None)?;
    incoming::read(slf)
}
