//! The way out: what is written becomes records, and those go to the transport below.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PySuper, PyTuple};

use super::core::TlsCore;
use super::engine;
use super::state::Phase;
use crate::python::buffer;
use crate::python::handling::report;
use crate::python::names::names;

const FAILED: &str = "Fatal error on SSL protocol";

/// asyncio's own method of this name.
///
/// # Errors
/// What it raises.
pub(super) fn asyncios<'py>(
    slf: &Bound<'py, TlsCore>,
    name: &str,
    args: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    PySuper::new(&slf.py().get_type::<TlsCore>(), slf)?.call_method1(name, args)
}

/// What asyncio does with what a step of its has raised.
///
/// # Errors
/// What is no `Exception`: it leaves the loop.
pub(super) fn or_fail(slf: &Bound<'_, TlsCore>, done: PyResult<()>) -> PyResult<()> {
    match done {
        Err(error) if error.is_instance_of::<PyException>(slf.py()) => fail(slf, error, FAILED),
        done => done,
    }
}

/// Give up the connection, for this.
///
/// # Errors
/// What asyncio's own raises.
pub(super) fn fail(slf: &Bound<'_, TlsCore>, error: PyErr, message: &str) -> PyResult<()> {
    report(slf, names(slf.py()).fatal_error.bind(slf.py()), error, message)
}

/// Write these, of which none is empty.
///
/// # Errors
/// What is no `Exception`, and what asyncio's own does not catch.
pub(super) fn write<'py>(slf: &Bound<'py, TlsCore>, all: &[Bound<'py, PyAny>]) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let is_open = core.with(py, |state| state.phase == Phase::Wrapped);
    if !is_open || has_backlog(slf)? {
        return asyncios(slf, "_write_appdata", (PyTuple::new(py, all)?,)).map(drop);
    }
    let engine = core.needed(py, |state| &state.engine)?;
    let written = write_all(slf, &engine, all).and_then(|()| send(slf));
    or_fail(slf, written)
}

fn write_all<'py>(
    slf: &Bound<'py, TlsCore>,
    engine: &Bound<'py, PyAny>,
    all: &[Bound<'py, PyAny>],
) -> PyResult<()> {
    for (place, data) in all.iter().enumerate() {
        let left = all.get(place..).unwrap_or_default();
        match engine::write(engine, data) {
            Ok(Some(count)) if count >= data.len()? => {}
            Ok(count) => return keep(slf, left, count.unwrap_or(0)),
            Err(error) => {
                keep(slf, left, 0)?;
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Keep these in the backlog, but for so many bytes of the first.
fn keep(slf: &Bound<'_, TlsCore>, all: &[Bound<'_, PyAny>], written: usize) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let backlog = core.needed(py, |state| &state.backlog)?;
    for (place, data) in all.iter().enumerate() {
        let length = data.len()?;
        let rest = if place == 0 && written > 0 {
            buffer::part(data, written, length)?
        } else {
            data.clone()
        };
        let size = rest.len()? as isize;
        backlog.call_method1("append", (rest,))?;
        core.with(py, |state| state.backlog_size += size);
    }
    Ok(())
}

pub(super) fn has_backlog(slf: &Bound<'_, TlsCore>) -> PyResult<bool> {
    let backlog = slf.get().held(slf.py(), |state| &state.backlog);
    backlog.map_or(Ok(false), |backlog| Ok(backlog.bind(slf.py()).len()? > 0))
}

/// Hand the records to the transport below, and tell the protocol if there are too many.
///
/// # Errors
/// What the transport raises.
pub(super) fn send(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    if core.with(py, |state| state.writing_stopped) {
        return control_writing(slf);
    }
    let outgoing = core.needed(py, |state| &state.outgoing)?;
    if engine::pending(&outgoing)? > 0 {
        let records = outgoing.call_method0(names(py).read.bind(py))?;
        let transport = core.held(py, |state| &state.transport);
        let transport = transport.unwrap_or_else(|| py.None()).into_bound(py);
        transport.call_method1(names(py).write.bind(py), (records,))?;
    }
    if core.with(py, |state| state.app_writing_paused) {
        return control_writing(slf);
    }
    // Whoever has made more records meanwhile has seen to those.
    let backlog = core.with(py, |state| state.backlog_size);
    tell_if_due(slf, backlog)
}

/// Tell the protocol that it writes too much, or may write again.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` out of it.
pub(super) fn control_writing(slf: &Bound<'_, TlsCore>) -> PyResult<()> {
    tell_if_due(slf, waiting(slf)?)
}

/// The same, if so many bytes wait here.
fn tell_if_due(slf: &Bound<'_, TlsCore>, size: isize) -> PyResult<()> {
    let size = size as f64;
    let is_due = slf.get().with(slf.py(), |state| {
        let paused = state.app_writing_paused;
        (size >= state.outgoing_high.bytes && !paused)
            || (size <= state.outgoing_low.bytes && paused)
    });
    if is_due { asyncios(slf, "_control_app_writing", ()).map(drop) } else { Ok(()) }
}

/// How many bytes wait here: records, and what is to become such.
///
/// # Errors
/// None that is known of.
pub(super) fn waiting(slf: &Bound<'_, TlsCore>) -> PyResult<isize> {
    let py = slf.py();
    let core = slf.get();
    let records = engine::pending(&core.needed(py, |state| &state.outgoing)?)?;
    Ok(records as isize + core.with(py, |state| state.backlog_size))
}
