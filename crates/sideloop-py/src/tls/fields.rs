//! The state that asyncio's methods keep: data descriptors in front of their attributes.

use pyo3::prelude::*;

use super::core::TlsCore;
use super::standard::inside_of;
use super::state::{Object, Phase, Takes, Water};

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
    _ssl_writing_paused, get_writing_stopped, set_writing_stopped, writing_stopped;
    _ssl_reading_paused, get_reading_stopped, set_reading_stopped, reading_stopped;
    _app_reading_paused, get_reading_paused, set_reading_paused, app_reading_paused;
    _app_writing_paused, get_writing_paused, set_writing_paused, app_writing_paused;
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
    fn get_state(&self, py: Python<'_>) -> Object {
        self.held(py, |state| &state.phase_member)
    }

    #[setter(_state)]
    fn set_state(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let phase = Phase::of(value)?;
        self.hold(value, |state| {
            state.phase = phase;
            &mut state.phase_member
        });
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

    #[getter(_write_buffer_size)]
    fn get_backlog_size(&self, py: Python<'_>) -> isize {
        self.with(py, |state| state.backlog_size)
    }

    #[setter(_write_buffer_size)]
    fn set_backlog_size(&self, py: Python<'_>, value: isize) {
        self.with(py, |state| state.backlog_size = value);
    }

    /// Have what comes read into the room behind this view, which all connections of a loop share.
    fn _use_room(&self, room: &Bound<'_, PyAny>) {
        self.hold(room, |state| &mut state.room);
    }
}
