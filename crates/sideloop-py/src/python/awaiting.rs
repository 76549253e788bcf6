//! What `await` does, a send at a time: for the one who hosts a coroutine inside of another. It takes and refuses
//! what `await` does.

use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::types::iterator::PySendResult;

use crate::python::names::names;

/// The flag of generators that `types.coroutine` has made awaitable (`inspect.CO_ITERABLE_COROUTINE`).
const ITERABLE_COROUTINE: u32 = 0x100;

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
    /// What its `__await__` raises; `TypeError` if that returns what is no iterator, or is a coroutine.
    pub(crate) fn begin(awaitable: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = awaitable.py();
        if is_coroutine(awaitable)? {
            return Ok(Some(Self(awaitable.clone().unbind())));
        }
        // The slot, which spares the bound method that asynchronous generators would make for each item.
        // SAFETY: attached; a type object lives as long as its instance, and its slot, if it has one, takes
        // an instance and returns a new reference, or null with an exception set.
        let iterator = unsafe {
            let class = ffi::Py_TYPE(awaitable.as_ptr());
            match (*class).tp_as_async.as_ref().and_then(|methods| methods.am_await) {
                Some(am_await) => Bound::from_owned_ptr_or_err(py, am_await(awaitable.as_ptr()))?,
                None => return Ok(None),
            }
        };
        // SAFETY: attached; the check reads the object's type.
        if unsafe { ffi::PyIter_Check(iterator.as_ptr()) } == 0 {
            let class = iterator.get_type().name()?;
            let message = format!("__await__() returned non-iterator of type '{class}'");
            return Err(PyTypeError::new_err(message));
        }
        if is_coroutine(&iterator)? {
            return Err(PyTypeError::new_err("__await__() returned a coroutine"));
        }
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

    /// Go on with this exception, raised where it waits: by what awaits it, if it has no `throw`.
    ///
    /// # Errors
    /// What the awaited code raises.
    pub(crate) fn throw(&self, py: Python<'_>, error: PyErr) -> PyResult<Went> {
        let Some(throw) = self.0.bind(py).getattr_opt(names(py).throw.bind(py))? else {
            return Err(error);
        };
        match throw.call1((error.into_value(py),)) {
            Ok(future) => Ok(Went::Until(future.unbind())),
            Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                Ok(Went::Returned(stop.value(py).getattr(names(py).value.bind(py))?.unbind()))
            }
            Err(error) => Err(error),
        }
    }

    /// Have it unwind as far as it can without waiting.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.0.bind(py).getattr_opt(names(py).close.bind(py))? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }
}

/// Whether this is awaited itself: a coroutine, or a generator that `types.coroutine` has made one.
fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    // SAFETY: attached; the check reads the object's type.
    if unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) } != 0 {
        return Ok(true);
    }
    // SAFETY: as above.
    if unsafe { ffi::PyGen_CheckExact(object.as_ptr()) } == 0 {
        return Ok(false);
    }
    let flags: u32 = object
        .getattr(names(py).gi_code.bind(py))?
        .getattr(names(py).co_flags.bind(py))?
        .extract()?;
    Ok(flags & ITERABLE_COROUTINE != 0)
}
