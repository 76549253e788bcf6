//! The methods of asyncio's `SSLProtocol` that are ours.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PySequence};

use super::core::TlsCore;
use super::incoming;
use super::outgoing::{self, asyncios};
use super::state::Phase;
use crate::python::names::names;
use crate::python::buffer;

/// From here on a view of what has come costs less than a copy of it: in bytes.
const LARGE: usize = 8 * 1024;

#[pymethods]
impl TlsCore {
    /// Where the transport below puts what comes.
    fn get_buffer<'py>(slf: &Bound<'py, Self>, n: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let room = slf.get().with(slf.py(), |state| {
            state.room.as_ref().map(|room| room.bind(slf.py()).clone().into_any())
        });
        match room {
            Some(room) => Ok(room),
            None => asyncios(slf, "get_buffer", (n,)),
        }
    }

    /// So many bytes have come.
    fn buffer_updated(slf: &Bound<'_, Self>, nbytes: usize) -> PyResult<()> {
        let py = slf.py();
        let core = slf.get();
        let room = core.with(py, |state| state.room.as_ref().map(|room| room.bind(py).clone()));
        let Some(room) = room else {
            return asyncios(slf, "buffer_updated", (nbytes,)).map(drop);
        };
        let data = part_of(&room, nbytes)?;
        let incoming = core.needed(py, |state| &state.incoming)?;
        incoming.call_method1(names(py).write.bind(py), (data,))?;
        match core.with(py, |state| state.phase) {
            Phase::Wrapped => incoming::read(slf),
            Phase::Handshake => slf.call_method0("_do_handshake").map(drop),
            Phase::Flushing => slf.call_method0("_do_flush").map(drop),
            Phase::Shutdown => slf.call_method0("_do_shutdown").map(drop),
            Phase::Unwrapped => Ok(()),
        }
    }

    fn _do_read(slf: &Bound<'_, Self>) -> PyResult<()> {
        incoming::read(slf)
    }

    fn _control_ssl_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        incoming::control_reading(slf)
    }

    fn _process_outgoing(slf: &Bound<'_, Self>) -> PyResult<()> {
        outgoing::send(slf)
    }

    fn _control_app_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        outgoing::control_writing(slf)
    }

    fn _get_write_buffer_size(slf: &Bound<'_, Self>) -> PyResult<isize> {
        outgoing::waiting(slf)
    }
}

fn part_of<'py>(room: &Bound<'py, PyByteArray>, length: usize) -> PyResult<Bound<'py, PyAny>> {
    if length < LARGE {
        let copy =
            buffer::read(room, |bytes| PyBytes::new(room.py(), bytes.get(..length).unwrap_or(bytes)))?;
        return Ok(copy.into_any());
    }
    let view = PyMemoryView::from(room)?;
    Ok(view.cast::<PySequence>()?.get_slice(0, length)?.into_any())
}
