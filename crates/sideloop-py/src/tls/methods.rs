//! The methods of asyncio's `SSLProtocol` that are ours.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::core::TlsCore;
use super::handshake;
use super::incoming;
use super::outgoing;
use super::shutdown;
use super::state::Phase;
use crate::python::buffer;
use crate::python::names::names;

/// From here on a view of what has come costs less than a copy of it: in bytes.
const LARGE: usize = 8 * 1024;

#[pymethods]
impl TlsCore {
    /// Where the transport below puts what comes.
    fn get_buffer<'py>(
        slf: &Bound<'py, Self>,
        sizehint: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = sizehint;
        slf.get().needed(slf.py(), |state| &state.room)
    }

    /// So many bytes have come.
    fn buffer_updated(slf: &Bound<'_, Self>, nbytes: usize) -> PyResult<()> {
        let py = slf.py();
        let core = slf.get();
        let data = part_of(&core.needed(py, |state| &state.room)?, nbytes)?;
        let incoming = core.needed(py, |state| &state.incoming)?;
        incoming.call_method1(names(py).write.bind(py), (data,))?;
        match core.with(py, |state| state.phase) {
            Phase::Wrapped => incoming::read(slf),
            Phase::Handshake => handshake::go_on(slf),
            Phase::Flushing => shutdown::flush(slf),
            Phase::Shutdown => shutdown::go_on(slf),
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

/// The first bytes of the room.
fn part_of<'py>(room: &Bound<'py, PyAny>, length: usize) -> PyResult<Bound<'py, PyAny>> {
    if length < LARGE {
        let copy = |bytes: &[u8]| PyBytes::new(room.py(), bytes.get(..length).unwrap_or(bytes));
        return Ok(buffer::read(room, copy)?.into_any());
    }
    buffer::part(room, 0, length)
}
