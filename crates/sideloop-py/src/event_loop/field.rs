//! A reference to a Python object that Python code sets and reads.

use std::sync::Mutex;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::entry::lock;

/// A reference that Python code sets and reads.
#[derive(Default)]
pub(super) struct Field(Mutex<Option<Py<PyAny>>>);

impl Field {
    pub(super) fn new(value: Py<PyAny>) -> Self {
        Self(Mutex::new(Some(value)))
    }

    pub(super) fn get(&self, py: Python<'_>) -> Py<PyAny> {
        let value = lock(&self.0);
        value.as_ref().map_or_else(|| py.None(), |value| value.clone_ref(py))
    }

    pub(super) fn is_some(&self) -> bool {
        lock(&self.0).is_some()
    }

    pub(super) fn set(&self, value: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut *lock(&self.0), value);
        drop(old);
    }

    pub(super) fn take(&self) -> Option<Py<PyAny>> {
        lock(&self.0).take()
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held is held by a thread that lives, with what it guards.
        match self.0.try_lock() {
            Ok(value) => visit.call(&*value),
            Err(_) => Ok(()),
        }
    }
}
