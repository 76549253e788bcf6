//! The state that asyncio's methods keep on a transport: data descriptors in front of their attributes.

use pyo3::prelude::*;

use super::keeps::{Keeps, Object};
use super::known::{TransportCore, find_stream, stream_of};
use super::standard::standard;
use super::stream::{Limit, State, Stream, Takes};
use crate::event_loop::LoopCore;
use crate::python::names::names;

impl Keeps for TransportCore {
    type State = State;

    fn look<R>(slf: &Bound<'_, Self>, inside: impl FnOnce(&mut State) -> R) -> PyResult<R> {
        Ok(stream_of(slf)?.get().with(slf.py(), inside))
    }
}

impl TransportCore {
    fn limit(
        slf: &Bound<'_, Self>,
        value: &Bound<'_, PyAny>,
        which: impl FnOnce(&mut State) -> &mut Limit,
    ) -> PyResult<()> {
        // It may be a float; of what is no number asyncio's own method is asked.
        let bytes = value.extract::<usize>().ok();
        let bytes = bytes.or_else(|| value.extract::<f64>().ok().map(|bytes| bytes as usize));
        let limit = Limit { given: Some(value.clone().unbind()), bytes: bytes.unwrap_or(0) };
        let before = Self::look(slf, |state| std::mem::replace(which(state), limit))?;
        drop(before);
        Ok(())
    }
}

#[pymethods]
impl TransportCore {
    #[getter(_loop)]
    fn get_loop(slf: &Bound<'_, Self>) -> PyResult<Option<Py<LoopCore>>> {
        Self::held(slf, |state| &state.event_loop)
    }

    #[setter(_loop)]
    fn set_loop(slf: &Bound<'_, Self>, value: Option<Py<LoopCore>>) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.event_loop)
    }

    /// None also where there is no stream: a finalizer asks.
    #[getter(_sock)]
    fn get_sock(slf: &Bound<'_, Self>) -> Object {
        let sock = find_stream(slf.as_any())?.get().sock(slf.py());
        sock.map(Bound::unbind)
    }

    #[setter(_sock)]
    fn set_sock(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.sock)
    }

    #[getter(_sock_fd)]
    fn get_sock_fd(slf: &Bound<'_, Self>) -> PyResult<i32> {
        Self::look(slf, |state| state.fd)
    }

    #[setter(_sock_fd)]
    fn set_sock_fd(slf: &Bound<'_, Self>, value: i32) -> PyResult<()> {
        Self::look(slf, |state| state.fd = value)
    }

    #[getter(_protocol)]
    fn get_protocol_field(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.protocol)
    }

    #[setter(_protocol)]
    pub(super) fn set_protocol_field(
        slf: &Bound<'_, Self>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let takes = if value.is_none() {
            Takes::Bytes
        } else {
            // Looked up each time: whoever replaces it expects that.
            let class =
                standard(py)?.protocols.bind(py).getattr(names(py).buffered_protocol.bind(py))?;
            if value.is_instance(&class)? { Takes::Buffer } else { Takes::Bytes }
        };
        let value = (!value.is_none()).then(|| value.clone().unbind());
        let before = Self::look(slf, |state| {
            state.takes = takes;
            std::mem::replace(&mut state.protocol, value)
        })?;
        drop(before);
        Ok(())
    }

    /// asyncio keeps a method here that suits the protocol, and with it a circle: not needed.
    #[getter(_read_ready_cb)]
    fn get_read_ready_cb(slf: &Bound<'_, Self>) -> Object {
        let _ = slf;
        None
    }

    #[setter(_read_ready_cb)]
    fn set_read_ready_cb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) {
        let _ = (slf, value);
    }

    /// What was written and has not left.
    #[getter(_buffer)]
    fn get_buffer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Stream>> {
        stream_of(slf)
    }

    /// asyncio's constructor puts an empty one here, of a kind that depends on the version.
    #[setter(_buffer)]
    fn set_buffer(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) {
        let _ = (slf, value);
    }

    #[getter(_conn_lost)]
    fn get_conn_lost(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::look(slf, |state| state.conn_lost)
    }

    #[setter(_conn_lost)]
    fn set_conn_lost(slf: &Bound<'_, Self>, value: usize) -> PyResult<()> {
        Self::look(slf, |state| state.conn_lost = value)
    }

    #[getter(_closing)]
    fn get_closing(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::look(slf, |state| state.closing)
    }

    #[setter(_closing)]
    fn set_closing(slf: &Bound<'_, Self>, value: bool) -> PyResult<()> {
        Self::look(slf, |state| state.closing = value)
    }

    #[getter(_paused)]
    fn get_paused(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::look(slf, |state| state.paused)
    }

    #[setter(_paused)]
    fn set_paused(slf: &Bound<'_, Self>, value: bool) -> PyResult<()> {
        Self::look(slf, |state| state.paused = value)
    }

    #[getter(_eof)]
    fn get_eof(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::look(slf, |state| state.eof)
    }

    #[setter(_eof)]
    fn set_eof(slf: &Bound<'_, Self>, value: bool) -> PyResult<()> {
        Self::look(slf, |state| state.eof = value)
    }

    #[getter(_protocol_paused)]
    fn get_protocol_paused(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::look(slf, |state| state.protocol_paused)
    }

    #[setter(_protocol_paused)]
    fn set_protocol_paused(slf: &Bound<'_, Self>, value: bool) -> PyResult<()> {
        Self::look(slf, |state| state.protocol_paused = value)
    }

    #[getter(_high_water)]
    fn get_high_water(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.high.given)
    }

    #[setter(_high_water)]
    fn set_high_water(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::limit(slf, value, |state| &mut state.high)
    }

    #[getter(_low_water)]
    fn get_low_water(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.low.given)
    }

    #[setter(_low_water)]
    fn set_low_water(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::limit(slf, value, |state| &mut state.low)
    }

    #[getter(_empty_waiter)]
    fn get_empty_waiter(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.empty_waiter)
    }

    #[setter(_empty_waiter)]
    fn set_empty_waiter(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.empty_waiter)
    }
}
