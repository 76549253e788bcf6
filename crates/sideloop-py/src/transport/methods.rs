//! The methods of a transport that are ours.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PySuper};

use super::backlog;
use super::door::{Door, check_door, count_lost, door};
use super::known::{TransportCore, stream_of};
use super::read;
use super::write;
use crate::python::{buffer, version};

#[pymethods]
impl TransportCore {
    /// Write some bytes: they leave with the end of the loop's turn.
    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let is_bytes = data.is_exact_instance_of::<PyBytes>();
        if !is_bytes && !is_bytes_like(data) {
            // It is refused, in each version's own words.
            let next = PySuper::new(&py.get_type::<Self>(), slf)?;
            return next.call_method1("write", (data,)).map(drop);
        }
        let stream = stream_of(slf)?;
        let stream = stream.get();
        let door = door(py, stream);
        check_door(door, "write")?;
        if !data.is_truthy()? {
            return Ok(());
        }
        if door == Door::Lost {
            return count_lost(slf, stream);
        }
        write::write(slf, stream, data)
    }

    /// Write the bytes of several objects.
    fn writelines<'py>(slf: &Bound<'py, Self>, list_of_data: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let stream = stream_of(slf)?;
        let stream = stream.get();
        let pieces = if version::is_at_least(py, 12) {
            check_door(door(py, stream), "writelines")?;
            if !list_of_data.is_truthy()? {
                return Ok(());
            }
            let pieces = list_of_data.try_iter()?.map(|piece| piece_of(&piece?));
            pieces.collect::<PyResult<Vec<_>>>()?
        } else {
            // It joins them and writes the whole.
            let pieces = joined(list_of_data)?;
            check_door(door(py, stream), "write")?;
            pieces
        };
        let pieces: Vec<_> =
            pieces.into_iter().filter(|piece| !piece.as_bytes().is_empty()).collect();
        if pieces.is_empty() {
            return Ok(());
        }
        write::put(slf, stream, &pieces)
    }

    /// How many bytes were written and are not with the kernel.
    fn get_write_buffer_size(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let py = slf.py();
        let stream = stream_of(slf)?;
        let stream = stream.get();
        write::flush(slf, stream)?;
        Ok(stream.with(py, |state| state.pieces.len()))
    }

    /// Whether it is closed, or about to be.
    fn is_closing(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(stream_of(slf)?.get().with(slf.py(), |state| state.closing))
    }

    /// The protocol.
    fn get_protocol(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(stream_of(slf)?.get().protocol(slf.py()).unbind())
    }

    /// Send what was written in this turn, before its end.
    fn _send_gathered(slf: &Bound<'_, Self>) -> PyResult<()> {
        let stream = stream_of(slf)?;
        write::flush(slf, stream.get())
    }

    /// What the loop calls when the socket has something.
    fn _read_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        read::read_ready(slf)
    }

    /// What the loop calls when the socket takes more.
    fn _send_backlog(slf: &Bound<'_, Self>) -> PyResult<()> {
        backlog::write_ready(slf)
    }

    /// The same under asyncio's name. A field, since asyncio's constructor puts a method of its own here (since
    /// CPython 3.12), and with it a circle.
    #[getter(_write_ready)]
    fn get_write_ready<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr("_send_backlog")
    }

    #[setter(_write_ready)]
    fn set_write_ready(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) {
        let _ = (slf, value);
    }
}

fn is_bytes_like(data: &Bound<'_, PyAny>) -> bool {
    data.is_instance_of::<PyBytes>()
        || data.is_instance_of::<PyByteArray>()
        || data.is_instance_of::<PyMemoryView>()
}

/// The bytes of one of several objects.
fn piece_of<'py>(piece: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = piece.cast_exact::<PyBytes>() {
        return Ok(bytes.clone());
    }
    let view = PyMemoryView::from(piece)?;
    buffer::read(&view, |bytes| PyBytes::new(piece.py(), bytes))
}

/// The pieces of a list that `b"".join` takes.
fn joined<'py>(all: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let py = all.py();
    let all = match all.cast_exact::<pyo3::types::PyList>() {
        Ok(list) => list.clone(),
        Err(_) => py.get_type::<pyo3::types::PyList>().call1((all,))?.cast_into()?,
    };
    let exact = all.iter().map(|piece| piece.cast_into_exact::<PyBytes>().ok());
    match exact.collect::<Option<Vec<_>>>() {
        Some(pieces) => Ok(pieces),
        None => {
            let whole = PyBytes::new(py, b"").call_method1("join", (all,))?;
            Ok(vec![whole.cast_into()?])
        }
    }
}
