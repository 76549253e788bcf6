//! The state that asyncio's methods keep: data descriptors in front of their attributes.

use pyo3::prelude::*;

use super::core::TlsCore;
use super::standard::{inside_of, standard};
use super::state::{Object, Takes, Water};

/// Fields that are an object, or None.
macro_rules! objects {
    ($($name:ident, $get:ident, $set:ident, $field:ident;)*) => {
        #[pymethods]
        impl TlsCore {
            $(
                #[getter($name)]
                fn $get(&self, py: Python<'_>) -> Object {
                    self.held(py, |state| &state.$field)
                }

                #[setter($name)]
                fn $set(&self, value: &Bound<'_, PyAny>) {
                    self.hold(value, |state| &mut state.$field);
                }
            )*
        }
    };
}

objects! {
    _loop, get_loop, set_loop, event_loop;
    _waiter, get_waiter, set_waiter, waiter;
    _app_transport, get_app_transport, set_app_transport, app_transport;
    _server_side, get_server_side, set_server_side, server_side;
    _server_hostname, get_server_hostname, set_server_hostname, server_hostname;
    _sslcontext, get_context, set_context, context;
    _extra, get_extra, set_extra, extra;
    _ssl_handshake_timeout, get_handshake_timeout, set_handshake_timeout, handshake_timeout;
    _handshake_timeout_handle, get_handshake_timer, set_handshake_timer, handshake_timer;
    _handshake_start_time, get_handshake_start, set_handshake_start, handshake_start;
    _ssl_shutdown_timeout, get_shutdown_timeout, set_shutdown_timeout, shutdown_timeout;
    _shutdown_timeout_handle, get_shutdown_timer, set_shutdown_timer, shutdown_timer;
    _transport, get_transport, set_transport, transport;
    _incoming, get_incoming, set_incoming, incoming;
    _outgoing, get_outgoing, set_outgoing, outgoing;
    _app_protocol, get_protocol, set_protocol, protocol;
    _write_backlog, get_backlog, set_backlog, backlog;
}

/// Fields that are true or not.
macro_rules! flags {
    ($($name:ident, $get:ident, $set:ident, $field:ident;)*) => {
        #[pymethods]
        impl TlsCore {
            $(
                #[getter($name)]
                fn $get(&self, py: Python<'_>) -> bool {
                    self.with(py, |state| state.$field)
                }

                #[setter($name)]
                fn $set(&self, py: Python<'_>, value: bool) {
                    self.with(py, |state| state.$field = value);
                }
            )*
        }
    };
}

flags! {
    _app_transport_created, get_created, set_created, app_transport_created;
    _eof_received, get_eof_received, set_eof_received, eof_received;
    _ssl_writing_paused, get_writing_stopped, set_writing_stopped, writing_stopped;
    _ssl_reading_paused, get_reading_stopped, set_reading_stopped, reading_stopped;
    _app_reading_paused, get_reading_paused, set_reading_paused, app_reading_paused;
    _app_writing_paused, get_writing_paused, set_writing_paused, app_writing_paused;
}

/// Fields that are a number.
macro_rules! numbers {
    ($($name:ident, $get:ident, $set:ident, $field:ident;)*) => {
        #[pymethods]
        impl TlsCore {
            $(
                #[getter($name)]
                fn $get(&self, py: Python<'_>) -> isize {
                    self.with(py, |state| state.$field)
                }

                #[setter($name)]
                fn $set(&self, py: Python<'_>, value: isize) {
                    self.with(py, |state| state.$field = value);
                }
            )*
        }
    };
}

numbers! {
    _write_buffer_size, get_backlog_size, set_backlog_size, backlog_size;
    _conn_lost, get_times_lost, set_times_lost, times_lost;
}

/// Fields that are a limit.
macro_rules! waters {
    ($($name:ident, $get:ident, $set:ident, $field:ident;)*) => {
        #[pymethods]
        impl TlsCore {
            $(
                #[getter($name)]
                fn $get(&self, py: Python<'_>) -> Object {
                    self.held(py, |state| &state.$field.given)
                }

                #[setter($name)]
                fn $set(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
                    let bytes = value.extract()?;
                    let now = Water { given: Some(value.clone().unbind()), bytes };
                    let before =
                        self.with(value.py(), |state| std::mem::replace(&mut state.$field, now));
                    drop(before);
                    Ok(())
                }
            )*
        }
    };
}

waters! {
    _incoming_high_water, get_incoming_high, set_incoming_high, incoming_high;
    _incoming_low_water, get_incoming_low, set_incoming_low, incoming_low;
    _outgoing_high_water, get_outgoing_high, set_outgoing_high, outgoing_high;
    _outgoing_low_water, get_outgoing_low, set_outgoing_low, outgoing_low;
}

#[pymethods]
impl TlsCore {
    #[getter(_state)]
    fn get_phase(&self, py: Python<'_>) -> PyResult<Object> {
        Ok(standard()?.phases.member(py, self.with(py, |state| state.phase)))
    }

    #[setter(_state)]
    fn set_phase(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let phase = standard()?.phases.meant(value);
        self.with(value.py(), |state| state.phase = phase);
        Ok(())
    }

    #[getter(_app_state)]
    fn get_told(&self, py: Python<'_>) -> PyResult<Object> {
        Ok(standard()?.told.member(py, self.with(py, |state| state.told)))
    }

    #[setter(_app_state)]
    fn set_told(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let told = standard()?.told.meant(value);
        self.with(value.py(), |state| state.told = told);
        Ok(())
    }

    #[getter(_sslobj)]
    fn get_object(&self, py: Python<'_>) -> Object {
        self.held(py, |state| &state.object)
    }

    #[setter(_sslobj)]
    fn set_object(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let engine = inside_of(value)?;
        self.hold(&engine, |state| &mut state.engine);
        self.hold(value, |state| &mut state.object);
        Ok(())
    }

    #[getter(_app_protocol_is_buffer)]
    fn get_is_buffer(&self, py: Python<'_>) -> bool {
        self.with(py, |state| state.takes == Takes::Buffer)
    }

    #[setter(_app_protocol_is_buffer)]
    fn set_is_buffer(&self, py: Python<'_>, value: bool) {
        let takes = if value { Takes::Buffer } else { Takes::Bytes };
        self.with(py, |state| state.takes = takes);
    }
}
