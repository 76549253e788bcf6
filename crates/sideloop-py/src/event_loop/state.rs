//! The state that asyncio's base classes keep on a loop: data descriptors in front of their attributes.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::core::LoopCore;
use super::ready::ReadyQueue;

#[pymethods]
impl LoopCore {
    #[getter(_ready)]
    fn get_ready_field(&self, py: Python<'_>) -> Py<ReadyQueue> {
        self.ready.clone_ref(py)
    }

    #[setter(_ready)]
    fn set_ready_field(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        self.ready.get().replace(handles)
    }

    #[getter(_scheduled)]
    fn get_scheduled_field(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.show_list(py)?;
        Ok(self.scheduled.get(py))
    }

    #[setter(_scheduled)]
    fn set_scheduled_field(&self, timers: Bound<'_, PyList>) -> PyResult<()> {
        if self.hides_timers() {
            self.show_list(timers.py())?;
        }
        self.scheduled.set(timers.py(), Some(timers.into_any().unbind()));
        Ok(())
    }

    #[getter(_selector)]
    fn get_selector_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.selector.get(py)
    }

    #[setter(_selector)]
    fn set_selector_field(&self, selector: &Bound<'_, PyAny>) -> PyResult<()> {
        self.forget_briefs(selector.py());
        let poller = super::poller::adopt(selector, &self.entry)?;
        self.set_poller(poller);
        let keys = match poller {
            Some(_) => Some(selector.getattr("_fd_to_key")?.unbind()),
            None => None,
        };
        self.keys.set(selector.py(), keys);
        self.selector.set(selector.py(), Some(selector.clone().unbind()));
        Ok(())
    }

    #[getter(_thread_id)]
    fn get_thread_id_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.thread_id.get(py)
    }

    #[setter(_thread_id)]
    fn set_thread_id_field(&self, py: Python<'_>, ident: Option<Py<PyAny>>) -> PyResult<()> {
        // Each run begins with a look at I/O: however short it is, it sees what has come before.
        self.set_polled(0.0);
        match ident {
            Some(_) => self.hide_timers(),
            None => self.show_timers(py)?,
        }
        self.set_thread_id(py, ident);
        Ok(())
    }

    #[getter(_current_handle)]
    fn get_current_handle_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.current_handle.get(py)
    }

    #[setter(_current_handle)]
    fn set_current_handle_field(&self, py: Python<'_>, handle: Option<Py<PyAny>>) {
        self.current_handle.set(py, handle);
    }

    #[getter(_task_factory)]
    fn get_task_factory_field(&self, py: Python<'_>) -> Py<PyAny> {
        self.task_factory.get(py)
    }

    #[setter(_task_factory)]
    fn set_task_factory_field(&self, py: Python<'_>, factory: Option<Py<PyAny>>) {
        self.task_factory.set(py, factory);
    }

    #[getter(_timer_cancelled_count)]
    fn get_timer_cancelled_count_field(&self) -> isize {
        self.timers_cancelled()
    }

    #[setter(_timer_cancelled_count)]
    fn set_timer_cancelled_count_field(&self, count: isize) {
        self.set_timers_cancelled(count);
    }

    #[getter(_clock_resolution)]
    fn get_clock_resolution_field(&self) -> f64 {
        self.clock_resolution()
    }

    #[setter(_clock_resolution)]
    fn set_clock_resolution_field(&self, seconds: f64) {
        self.clock_resolution.store(seconds.to_bits(), Ordering::Relaxed);
    }

    #[getter(_closed)]
    fn get_closed_field(&self) -> bool {
        self.is_closed()
    }

    #[setter(_closed)]
    fn set_closed_field(&self, closed: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = closed.py();
        let closed = closed.is_truthy()?;
        self.closed.store(closed, Ordering::Relaxed);
        if closed {
            self.entry.take_bell_away();
            // They name the loop, which would keep itself.
            self.task_options.set(py, None);
        }
        Ok(())
    }

    #[getter(_stopping)]
    fn get_stopping_field(&self) -> bool {
        self.is_stopping()
    }

    #[setter(_stopping)]
    fn set_stopping_field(&self, stopping: &Bound<'_, PyAny>) -> PyResult<()> {
        self.stopping.store(stopping.is_truthy()?, Ordering::Relaxed);
        Ok(())
    }

    #[getter(_debug)]
    fn get_debug_field(&self) -> bool {
        self.is_debug()
    }

    #[setter(_debug)]
    fn set_debug_field(&self, debug: &Bound<'_, PyAny>) -> PyResult<()> {
        self.debug.store(debug.is_truthy()?, Ordering::Relaxed);
        Ok(())
    }
}
