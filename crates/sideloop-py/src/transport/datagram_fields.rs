//! The state that asyncio's methods keep on a transport of datagrams: data descriptors in front of their attributes.
//!
//! Those that a datagram meets; the others are attributes.

use pyo3::prelude::*;

use super::datagram::{DatagramCore, datagrams_of, find_datagrams};
use super::datagrams::State;
use super::keeps::{Keeps, Object};
use crate::event_loop::LoopCore;

impl Keeps for DatagramCore {
    type State = State;

    fn look<R>(slf: &Bound<'_, Self>, inside: impl FnOnce(&mut State) -> R) -> PyResult<R> {
        Ok(datagrams_of(slf)?.get().with(slf.py(), inside))
    }
}

#[pymethods]
impl DatagramCore {
    #[getter(_loop)]
    fn get_loop(slf: &Bound<'_, Self>) -> PyResult<Option<Py<LoopCore>>> {
        Self::held(slf, |state| &state.event_loop)
    }

    #[setter(_loop)]
    fn set_loop(slf: &Bound<'_, Self>, value: Option<Py<LoopCore>>) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.event_loop)
    }

    /// None also where there is no state: a finalizer asks.
    #[getter(_sock)]
    fn get_sock(slf: &Bound<'_, Self>) -> Object {
        let sock = find_datagrams(slf.as_any())?.get().sock(slf.py());
        sock.map(Bound::unbind)
    }

    #[setter(_sock)]
    fn set_sock(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.sock)
    }

    #[getter(_protocol)]
    fn get_protocol_field(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.protocol)
    }

    #[setter(_protocol)]
    fn set_protocol_field(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.protocol)
    }

    #[getter(_buffer)]
    fn get_queue(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.queue)
    }

    #[setter(_buffer)]
    fn set_queue(slf: &Bound<'_, Self>, value: Object) -> PyResult<()> {
        Self::hold(slf, value, |state| &mut state.queue)
    }

    #[getter(_address)]
    fn get_address(slf: &Bound<'_, Self>) -> PyResult<Object> {
        Self::held(slf, |state| &state.address)
    }

    #[setter(_address)]
    fn set_address(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let is_for_one = value.is_truthy()?;
        Self::look(slf, |state| state.is_for_one = is_for_one)?;
        let value = (!value.is_none()).then(|| value.clone().unbind());
        Self::hold(slf, value, |state| &mut state.address)
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
}
