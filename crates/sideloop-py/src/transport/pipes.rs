//! The methods of the ends of pipes that are ours: what has come is read and handed over, and what the pipe takes at
//! once is written.
//!
//! All else is asyncio's methods: what waits to be written, limits, errors, the end.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PySuper};

use super::pipe::{PipeCore, ReadPipeCore, WritePipeCore, end_of, read_end_of, write_end_of};
use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::handling::report;
use crate::python::names::names;
use crate::system::pipe::Pipe;
use crate::system::socket::{Errno, Result, is_not_now};

/// The most that is read at once, in bytes, as in asyncio. Of the loop's room as much memory is used as was ever read.
const ROOM: usize = 256 * 1024;

#[pymethods]
impl PipeCore {
    /// Whether it is closed, or about to be.
    fn is_closing(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(end_of(slf.as_any())?.get().with(slf.py(), |state| state.closing))
    }
}

#[pymethods]
impl ReadPipeCore {
    /// What the loop calls when the pipe has something, or is at its end.
    fn _read_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, names) = (slf.py(), names(slf.py()));
        let end = read_end_of(slf)?;
        let end = end.get();
        let Some((event_loop, pipe)) = end.to_read(py) else { return Ok(()) };
        let data = match pipe.and_then(|pipe| read(event_loop.get(), py, pipe)) {
            Ok(data) => data,
            Err(error) if is_not_now(error) => return Ok(()),
            Err(error) => {
                let message = "Fatal read error on pipe transport";
                return report(slf, names.fatal_error.bind(py), os_error(&error.into()), message);
            }
        };
        if data.as_bytes().is_empty() {
            return slf.call_method0("_end").map(drop);
        }
        end.protocol(py).call_method1(names.data_received.bind(py), (data,)).map(drop)
    }
}

#[pymethods]
impl WritePipeCore {
    /// Write some bytes: at once what the pipe takes, and the rest when it does.
    fn write<'py>(slf: &Bound<'py, Self>, data: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let rest = match data.cast_exact::<PyBytes>() {
            Ok(bytes) => match write_now(slf, bytes.as_bytes())? {
                Some(written) if written == bytes.as_bytes().len() => return Ok(()),
                Some(written) => rest_of(data, written)?,
                None => data.clone(),
            },
            Err(_) => data.clone(),
        };
        let next = PySuper::new(&py.get_type::<Self>(), slf)?;
        next.call_method1(names(py).write.bind(py), (rest,)).map(drop)
    }
}

fn read<'py>(event_loop: &LoopCore, py: Python<'py>, pipe: Pipe) -> Result<Bound<'py, PyBytes>> {
    let mut room = event_loop.take_room(py, ROOM);
    let space = room.spare_capacity_mut().get_mut(..ROOM);
    let data = space.map_or(Err(Errno::NOMEM), |space| pipe.read(space)).map(|length| {
        // SAFETY: so many bytes of the room have been written to.
        unsafe { room.set_len(length) };
        PyBytes::new(py, &room)
    });
    event_loop.give_room_back(py, room);
    data
}

/// Write some of these, if nothing waits before them. Returns how many; None where asyncio is to see to it, which meets
/// what the pipe refuses once more.
fn write_now(transport: &Bound<'_, WritePipeCore>, bytes: &[u8]) -> PyResult<Option<usize>> {
    let end = write_end_of(transport)?;
    let pipe = end.get().to_write(transport.py()).filter(|_| !bytes.is_empty());
    Ok(pipe.and_then(|pipe| pipe.write(bytes).ok()))
}

fn rest_of<'py>(data: &Bound<'py, PyAny>, written: usize) -> PyResult<Bound<'py, PyAny>> {
    let start = isize::try_from(written)?;
    PyMemoryView::from(data)?.get_item(PySlice::new(data.py(), start, isize::MAX, 1))
}
