//! What `await` does, a send at a time: for the one who hosts a coroutine inside of another.

use pyo3::exceptions::PyStopIteration;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::types::iterator::PySendResult;

use crate::python::names::names;

/// An awaitable that has been asked for its iterator: `await` of it may go on.
pub(crate) struct Awaiting(Py<PyAny>);

/// How far it went.
pub(crate) enum Went {
    /// To this, which the task has to wait for.
    Until(Py<PyAny>),
    /// To its end.
    Returned(Py<PyAny>),
}

impl Awaiting {
    /// Begin `await awaitable`. None if it cannot be awaited.
    ///
    /// # Errors
    /// What its `__await__` raises.
    pub(crate) fn begin(awaitable: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = awaitable.py();
        // SAFETY: attached; the check reads the object's type.
        if unsafe { ffi::PyCoro_CheckExact(awaitable.as_ptr()) } != 0 {
            return Ok(Some(Self(awaitable.clone().unbind())));
        }
        // The slot, which spares the bound method that asynchronous generators would make for each item.
        // SAFETY: attached; a type object lives as long as its instance, and its slot, if it has one, takes
        // an instance and returns a new reference, or null with an exception set.
        let iterator = unsafe {
            let class = ffi::Py_TYPE(awaitable.as_ptr());
            let methods = (*class).tp_as_async;
            match methods.as_ref().and_then(|methods| methods.am_await) {
                Some(am_await) => Bound::from_owned_ptr_or_err(py, am_await(awaitable.as_ptr()))?,
                // A generator-based coroutine.
                None if ffi::PyGen_CheckExact(awaitable.as_ptr()) != 0 => awaitable.clone(),
                None => return Ok(None),
            }
        };
        Ok(Some(Self(iterator.unbind())))
    }

    /// Go on.
    ///
    /// # Errors
    /// What the awaited code raises.
    pub(crate) fn send(&self, py: Python<'_>) -> PyResult<Went> {
        // SAFETY: whatever can be awaited is an iterator, or a coroutine, which `PyIter_Send` takes too.
        let iterator = unsafe { self.0.bind(py).cast_unchecked::<PyIterator>() };
        Ok(match iterator.send(&py.None().into_bound(py))? {
            PySendResult::Next(future) => Went::Until(future.unbind()),
            PySendResult::Return(value) => Went::Returned(value.unbind()),
        })
    }

    /// Go on with this exception, raised where it waits.
    ///
    /// # Errors
    /// What the awaited code raises.
    pub(crate) fn throw(&self, py: Python<'_>, error: PyErr) -> PyResult<Went> {
        match self.0.bind(py).call_method1(names(py).throw.bind(py), (error.into_value(py),)) {
            Ok(future) => Ok(Went::Until(future.unbind())),
            Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                Ok(Went::Returned(stop.value(py).getattr("value")?.unbind()))
            }
            Err(error) => Err(error),
        }
    }

    /// Have it unwind as far as it can without waiting.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.0.bind(py).getattr_opt("close")? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }
}
