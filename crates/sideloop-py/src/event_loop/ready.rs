//! The queue of handles that are ready to run: behaves like the deque that asyncio keeps there.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};

use crate::entry::lock;

/// Handles in the order in which they will run. `loop._ready` is one.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct ReadyQueue {
    handles: Mutex<VecDeque<Py<PyAny>>>,
}

impl ReadyQueue {
    pub(crate) fn new() -> Self {
        Self { handles: Mutex::default() }
    }

    fn handles(&self) -> MutexGuard<'_, VecDeque<Py<PyAny>>> {
        lock(&self.handles)
    }

    pub(crate) fn push(&self, handle: Py<PyAny>) {
        self.handles().push_back(handle);
    }

    pub(crate) fn pop(&self) -> Option<Py<PyAny>> {
        self.handles().pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.handles().len()
    }

    /// Replace the contents.
    pub(crate) fn replace(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        let new: VecDeque<_> =
            handles.try_iter()?.map(|handle| handle.map(Bound::unbind)).collect::<PyResult<_>>()?;
        let old = std::mem::replace(&mut *self.handles(), new);
        drop(old);
        Ok(())
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let handles: Vec<_> = self.handles().iter().map(|handle| handle.clone_ref(py)).collect();
        PyList::new(py, handles)
    }
}

#[pymethods]
impl ReadyQueue {
    fn append(&self, handle: Py<PyAny>) {
        self.push(handle);
    }

    fn appendleft(&self, handle: Py<PyAny>) {
        self.handles().push_front(handle);
    }

    fn extend(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        for handle in handles.try_iter()? {
            self.push(handle?.unbind());
        }
        Ok(())
    }

    fn popleft(&self) -> PyResult<Py<PyAny>> {
        self.pop().ok_or_else(|| PyIndexError::new_err("pop from an empty queue"))
    }

    #[pyo3(name = "pop")]
    fn pop_last(&self) -> PyResult<Py<PyAny>> {
        let last = self.handles().pop_back();
        last.ok_or_else(|| PyIndexError::new_err("pop from an empty queue"))
    }

    fn remove(&self, py: Python<'_>, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        let handles = self.snapshot(py)?;
        handles.call_method1("remove", (handle,))?;
        self.replace(&handles)
    }

    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.handles());
        drop(old);
    }

    fn __len__(&self) -> usize {
        self.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.snapshot(py)?.try_iter()
    }

    fn __contains__(&self, py: Python<'_>, handle: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.snapshot(py)?.contains(handle)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        self.snapshot(py)?.as_any().get_item(index)
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let other = py.get_type::<PyList>().call1((other,))?;
        self.snapshot(py)?.eq(other)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ReadyQueue({})", self.snapshot(py)?.repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held is held by a thread that lives, with what it guards.
        let Ok(handles) = self.handles.try_lock() else { return Ok(()) };
        handles.iter().try_for_each(|handle| visit.call(handle))
    }

    fn __clear__(&self) {
        self.clear();
    }
}
