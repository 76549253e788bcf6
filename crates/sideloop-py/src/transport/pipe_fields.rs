//! The state that asyncio's methods keep on the end of a pipe: data descriptors in front of their attributes.
//!
//! Those that a read or a write meets; the others are attributes.

use pyo3::prelude::*;

use super::keeps::{Keeps, Object};
use super::pipe::{PipeCore, WritePipeCore, end_of, write_end_of};
use super::pipe_ends::State;
use crate::event_loop::LoopCore;

impl Keeps for PipeCore {
    type State = State;

    fn look<R>(slf: &Bound<'_, Self>, inside: impl FnOnce(&mut State) -> R) -> PyResult<R> {
        Ok(end_of(slf.as_any())?.get().with(slf.py(), inside))
    }
}

impl Keeps for WritePipeCore {
    type State = State;

    fn look<R>(slf: &Bound<'_, Self>, inside: impl FnOnce(&mut State) -> R) -> PyResult<R> {
        Ok(write_end_of(slf)?.get().with(slf.py(), inside))
    }
}

#[pymethods]
impl PipeCore {
    #[getter(_loop)]
    fn get_loop(slf: &Bound<'_, Self>) -> PyResult<Option<Py<LoopCore>>> {
        Self::held(slf, |state| &state.event_loop)
    }

    #[setter(_loop)]
    fn set_loop(slf: &Bound<'_, Self>, value: Option<Py<LoopCore>>) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.event_loop)
    }

    #[getter(_protocol)]
    fn get_protocol_field(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.protocol)
    }

    #[setter(_protocol)]
    fn set_protocol_field(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.protocol)
    }

    #[getter(_fileno)]
    fn get_fileno(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.fileno)
    }

    #[setter(_fileno)]
    fn set_fileno(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let fd = value.extract::<i32>().ok();
        let value = (!value.is_none()).then(|| value.clone().unbind());
        Self::look(slf, |state| state.fd = fd)?;
        Self::hold(slf, value, |state| &mut state.fileno)
    }

    #[getter(_closing)]
    fn get_closing(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::look(slf, |state| state.closing)
    }

    #[setter(_closing)]
    fn set_closing(slf: &Bound<'_, Self>, value: bool) -> PyResult<()> {
        Self::look(slf, |state| state.closing = value)
    }
}

#[pymethods]
impl WritePipeCore {
    #[getter(_buffer)]
    fn get_buffer(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.buffer)
    }

    #[setter(_buffer)]
    fn set_buffer(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.buffer)
    }

    #[getter(_conn_lost)]
    fn get_conn_lost(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::look(slf, |state| state.conn_lost)
    }

    #[setter(_conn_lost)]
    fn set_conn_lost(slf: &Bound<'_, Self>, value: usize) -> PyResult<()> {
        Self::look(slf, |state| state.conn_lost = value)
    }
}
