//! Whether something may be written, and what becomes of it where it may not.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::known::TransportCore;
use super::stream::{State, Stream};

/// What may be done with what is written.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// Nothing may be written after `write_eof`.
    AfterEof,
    /// A file is being sent.
    Sendfile,
    /// The connection is lost: it goes nowhere.
    Lost,
}

pub(super) fn door(py: Python<'_>, stream: &Stream) -> Door {
    stream.with(py, |state| match state {
        State { eof: true, .. } => Door::AfterEof,
        State { empty_waiter: Some(_), .. } => Door::Sendfile,
        State { conn_lost: 1.., .. } => Door::Lost,
        _ => Door::Open,
    })
}

/// What asyncio raises where the door is closed.
///
/// # Errors
/// That.
pub(super) fn check_door(door: Door, method: &str) -> PyResult<()> {
    match door {
        Door::Open | Door::Lost => Ok(()),
        Door::AfterEof => {
            let text = format!("Cannot call {method}() after write_eof()");
            Err(PyRuntimeError::new_err(text))
        }
        Door::Sendfile => {
            let text = format!("unable to {method}; sendfile is in progress");
            Err(PyRuntimeError::new_err(text))
        }
    }
}

/// Something was written after the connection is lost: asyncio counts, and warns.
pub(super) fn count_lost(transport: &Bound<'_, TransportCore>, stream: &Stream) -> PyResult<()> {
    let py = transport.py();
    let most = py.import("asyncio.constants")?.getattr("LOG_THRESHOLD_FOR_CONNLOST_WRITES")?;
    if stream.with(py, |state| state.conn_lost) >= most.extract()? {
        let logger = py.import("asyncio.selector_events")?.getattr("logger")?;
        logger.call_method1("warning", ("socket.send() raised exception.",))?;
    }
    stream.with(py, |state| state.conn_lost += 1);
    Ok(())
}
