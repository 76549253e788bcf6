//! Transports of pipes: asyncio's own, with what every byte meets in Rust.
//!
//! asyncio's classes keep all of their state in attributes, and there it stays. What has come is read here and handed
//! over, and what the pipe takes at once is written. All else is asyncio's methods: what waits to be written, limits,
//! errors, the end.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMemoryView, PySlice, PySuper, PyTuple};

use crate::event_loop::LoopCore;
use crate::policy::errors::os_error;
use crate::python::names::names;
use crate::system::pipe::Pipe;
use crate::system::socket::{Errno, Result, is_not_now};

/// The most that is read at once, in bytes, as in asyncio. Of the loop's room as much memory is used as was ever read.
const ROOM: usize = 256 * 1024;

/// The moving half of the end of a pipe that is read from: a mixin to stand before asyncio's own class.
///
/// All of its methods belong to the thread that runs the loop.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct ReadPipeCore;

/// The same of the end that is written to.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct WritePipeCore;

#[pymethods]
impl ReadPipeCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    /// What the loop calls when the pipe has something, or is at its end.
    fn _read_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, names) = (slf.py(), names(slf.py()));
        let event_loop = slf.getattr(names.loop_field.bind(py))?.cast_into::<LoopCore>()?;
        let data = match read(event_loop.get(), py, pipe_of(slf)?) {
            Ok(data) => data,
            Err(error) if is_not_now(error) => return Ok(()),
            Err(error) => {
                let what = (os_error(&error.into()), "Fatal read error on pipe transport");
                return slf.call_method1("_fatal_error", what).map(drop);
            }
        };
        if data.as_bytes().is_empty() {
            return slf.call_method0("_end").map(drop);
        }
        let protocol = slf.getattr(names.protocol.bind(py))?;
        protocol.call_method1(names.data_received.bind(py), (data,)).map(drop)
    }
}

#[pymethods]
impl WritePipeCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    /// Write some bytes: at once what the pipe takes, and the rest when it does.
    fn write<'py>(slf: &Bound<'py, Self>, data: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let rest = match data.cast_exact::<PyBytes>() {
            Ok(bytes) if is_open_and_empty(slf)? => {
                match pipe_of(slf)?.and_then(|pipe| pipe.write(bytes.as_bytes())) {
                    Ok(written) if written == bytes.as_bytes().len() => return Ok(()),
                    Ok(written) => rest_of(data, written)?,
                    // asyncio's own has it, too.
                    Err(_) => data.clone(),
                }
            }
            Ok(_) | Err(_) => data.clone(),
        };
        let next = PySuper::new(&py.get_type::<Self>(), slf)?;
        next.call_method1(names(py).write.bind(py), (rest,)).map(drop)
    }
}

fn rest_of<'py>(data: &Bound<'py, PyAny>, written: usize) -> PyResult<Bound<'py, PyAny>> {
    let start = isize::try_from(written)?;
    PyMemoryView::from(data)?.get_item(PySlice::new(data.py(), start, isize::MAX, 1))
}

fn read<'py>(
    event_loop: &LoopCore,
    py: Python<'py>,
    pipe: Result<Pipe>,
) -> Result<Bound<'py, PyBytes>> {
    let pipe = pipe?;
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

/// The pipe, to be used at once.
fn pipe_of(transport: &Bound<'_, PyAny>) -> PyResult<Result<Pipe>> {
    let number = transport.getattr(names(transport.py()).fileno_field.bind(transport.py()))?;
    Ok(Pipe::of(number.extract()?))
}

/// Whether what is written now is the next to leave.
fn is_open_and_empty(transport: &Bound<'_, WritePipeCore>) -> PyResult<bool> {
    let (py, names) = (transport.py(), names(transport.py()));
    Ok(!transport.getattr(names.conn_lost.bind(py))?.is_truthy()?
        && !transport.getattr(names.closing.bind(py))?.is_truthy()?
        && transport.getattr(names.write_buffer.bind(py))?.len()? == 0)
}
