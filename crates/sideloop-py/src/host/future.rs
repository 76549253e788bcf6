//! What a host is to its task between two steps: a future, for which it waits.

use pyo3::prelude::*;
use sideloop_core::host::{Cancel, Waits};

use super::step_in::{event_loop_of, wake_soon};
use crate::model::{Host, State};
use crate::policy::outcome::cancelled_class;

#[pymethods]
impl Host {
    /// asyncio's mark of what may be awaited by a task.
    #[getter(_asyncio_future_blocking)]
    fn blocking(&self) -> bool {
        true
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, _blocking: &Bound<'_, PyAny>) {}

    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        event_loop_of(self, py).map(Bound::unbind)
    }

    /// Whether it has a result, which it never has for long.
    fn done(&self) -> bool {
        false
    }

    /// The task waits: from here on it is between two steps.
    #[pyo3(signature = (callback, *, context = None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        // It is the context that the host has, too.
        let _ = context;
        match slf.get().with(slf.py(), |state| state.waits(callback)) {
            Waits::Between => Ok(()),
            Waits::WakeSoon(wake) => wake_soon(slf, wake),
            Waits::Nothing(wake) => {
                drop(wake);
                Ok(())
            }
        }
    }

    /// The task is cancelled: wake it, in a turn of its own.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let message = msg.unwrap_or_else(|| slf.py().None());
        match slf.get().with(slf.py(), |state| state.cancel(message)) {
            Cancel::WakeSoon(wake) => wake_soon(slf, wake).map(|()| true),
            Cancel::Noted(before) => {
                drop(before);
                Ok(true)
            }
            Cancel::Elsewhere(message) => {
                drop(message);
                Ok(false)
            }
        }
    }

    /// Whether it is the cancellation that has woken the task.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let Some(message) = self.with(py, State::take_cancelled) else { return Ok(()) };
        let class = cancelled_class(py)?;
        let error = if message.is_none(py) { class.call0()? } else { class.call1((message,))? };
        Err(PyErr::from_value(error))
    }
}
