//! A reference to a Python object that Python code sets and reads.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::python::attached::Attached;

/// A reference that Python code sets and reads.
#[derive(Default)]
pub(super) struct Field(Attached<Option<Py<PyAny>>>);

impl Field {
    pub(super) fn new(value: Py<PyAny>) -> Self {
        Self(Attached::new(Some(value)))
    }

    pub(super) fn get(&self, py: Python<'_>) -> Py<PyAny> {
        let value = self.0.with(py, |value| value.as_ref().map(|value| value.clone_ref(py)));
        value.unwrap_or_else(|| py.None())
    }

    pub(super) fn is_some(&self, py: Python<'_>) -> bool {
        self.0.with(py, |value| value.is_some())
    }

    pub(super) fn set(&self, py: Python<'_>, value: Option<Py<PyAny>>) {
        let old = self.0.with(py, |field| std::mem::replace(field, value));
        drop(old);
    }

    pub(super) fn take(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.with(py, Option::take)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(|value| visit.call(value)).unwrap_or(Ok(()))
    }
}
