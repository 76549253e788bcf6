//! The way in: what has come is read record by record, and handed to the protocol in one piece.
//!
//! asyncio reads until OpenSSL says that there is nothing more, which it says with an exception; and it makes room for
//! 256 KiB for each read, of which it gets a record's 16 at most. Here one is asked for no more than it can have, and
//! not again where that was all.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::core::TlsCore;
use super::ending::tell_of_end;
use super::engine::{self, Read};
use super::into_buffer::read_into_buffer;
use super::outgoing::{asyncios, has_backlog, or_fail, send};
use super::state::{Phase, Takes};
use crate::python::names::names;

/// The most that a record holds, in bytes.
const RECORD: usize = 16 * 1024;

/// Read what there is, and what that leads to.
///
/// # Errors
/// What is no `Exception`.
pub(super) fn read(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    match slf.get().with(slf.py(), |state| state.phase) {
        Phase::Wrapped | Phase::Flushing => or_fail(slf, pump(slf)),
        Phase::Handshake | Phase::Shutdown | Phase::Unwrapped => Ok(()),
    }
}

fn pump(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let (paused, takes) = slf.get().with(py, |state| (state.app_reading_paused, state.takes));
    if !paused {
        let is_end = match takes {
            Takes::Bytes => read_bytes(slf)?,
            Takes::Buffer => read_into_buffer(slf)?,
        };
        if is_end {
            tell_of_end(slf)?;
            slf.call_method0(names(py).start_shutdown.bind(py))?;
        }
        if has_backlog(slf)? {
            slf.call_method0("_do_write")?;
        } else {
            send(slf)?;
        }
    }
    control_reading(slf)
}

/// Returns whether nothing more will come.
fn read_bytes(slf: &Bound<'_, TlsCore>) -> PyResult<bool> {
    let py = slf.py();
    let mut found = Vec::new();
    let is_end = read_records(slf, &mut found)?;
    let data = match found.len() {
        0 => None,
        1 => found.pop(),
        _ => {
            let joined = PyBytes::new(py, b"").call_method1("join", (PyList::new(py, found)?,))?;
            Some(joined.cast_into()?)
        }
    };
    if let Some(data) = data {
        let protocol = slf.get().held(py, |state| &state.protocol);
        let protocol = protocol.unwrap_or_else(|| py.None()).into_bound(py);
        protocol.call_method1(names(py).data_received.bind(py), (data,))?;
    }
    Ok(is_end)
}

/// Read all that there is. Returns whether nothing more will come.
fn read_records<'py>(
    slf: &Bound<'py, TlsCore>,
    found: &mut Vec<Bound<'py, PyBytes>>,
) -> PyResult<bool> {
    let py = slf.py();
    let core = slf.get();
    let engine = core.needed(py, |state| &state.engine)?;
    let incoming = core.needed(py, |state| &state.incoming)?;
    let mut there = engine::pending(&incoming)?;
    loop {
        // A record is longer than what is in it; but of one that has come in part before, more is there than came now.
        let is_whole = there > 0 && !core.with(py, |state| state.is_in_record);
        let most = if is_whole { there.min(RECORD) } else { RECORD };
        match engine::read(&engine, most)? {
            Read::Some(data) => {
                // Of a record that has all that one holds, nothing is left.
                let is_cut = (most..RECORD).contains(&data.as_bytes().len());
                found.push(data);
                core.with(py, |state| state.is_in_record = false);
                there = engine::pending(&incoming)?;
                if there == 0 && !(is_cut && engine::has_some(&engine)?) {
                    return Ok(false);
                }
            }
            Read::Nothing => {
                core.with(py, |state| state.is_in_record = true);
                return Ok(false);
            }
            Read::End => return Ok(true),
        }
    }
}

/// Have the transport below read no more, or again.
///
/// # Errors
/// What it raises.
pub(super) fn control_reading(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let size = engine::pending(&core.needed(py, |state| &state.incoming)?)? as f64;
    let is_due = core.with(py, |state| {
        let stopped = state.reading_stopped;
        (size >= state.incoming_high.bytes && !stopped)
            || (size <= state.incoming_low.bytes && stopped)
    });
    if is_due { asyncios(slf, "_control_ssl_reading", ()).map(drop) } else { Ok(()) }
}
