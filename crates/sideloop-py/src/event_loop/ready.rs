//! The queue of handles that are ready to run: behaves like the deque that asyncio keeps there.

use std::collections::VecDeque;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};

use crate::python::attached::Attached;

/// Handles in the order in which they will run. `loop._ready` is one.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct ReadyQueue {
    handles: Attached<VecDeque<Py<PyAny>>>,
}

impl ReadyQueue {
    pub(crate) fn new() -> Self {
        Self { handles: Attached::default() }
    }

    pub(crate) fn push(&self, handle: Bound<'_, PyAny>) {
        self.handles.with(handle.py(), |handles| handles.push_back(handle.unbind()));
    }

    pub(crate) fn pop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.handles.with(py, VecDeque::pop_front).map(|handle| handle.into_bound(py))
    }

    pub(crate) fn len(&self, py: Python<'_>) -> usize {
        self.handles.with(py, |handles| handles.len())
    }

    /// Replace the contents.
    pub(crate) fn replace(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = handles.py();
        let new: VecDeque<_> =
            handles.try_iter()?.map(|handle| handle.map(Bound::unbind)).collect::<PyResult<_>>()?;
        let old = self.handles.with(py, |handles| std::mem::replace(handles, new));
        drop(old);
        Ok(())
    }

    pub(super) fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let copy = |handle: &Py<PyAny>| handle.clone_ref(py);
        let handles: Vec<_> = self.handles.with(py, |handles| handles.iter().map(copy).collect());
        PyList::new(py, handles)
    }
}

#[pymethods]
impl ReadyQueue {
    fn append(&self, handle: Bound<'_, PyAny>) {
        self.push(handle);
    }

    fn appendleft(&self, handle: Bound<'_, PyAny>) {
        self.handles.with(handle.py(), |handles| handles.push_front(handle.unbind()));
    }

    fn extend(&self, handles: &Bound<'_, PyAny>) -> PyResult<()> {
        for handle in handles.try_iter()? {
            self.push(handle?);
        }
        Ok(())
    }

    fn popleft<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.pop(py).ok_or_else(|| PyIndexError::new_err("pop from an empty queue"))
    }

    #[pyo3(name = "pop")]
    fn pop_last(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let last = self.handles.with(py, VecDeque::pop_back);
        last.ok_or_else(|| PyIndexError::new_err("pop from an empty queue"))
    }

    fn remove(&self, py: Python<'_>, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        // Asking what is equal may run Python code, also on other threads, which may change the queue.
        for one in self.snapshot(py)?.iter() {
            if !one.is(handle) && !one.eq(handle)? {
                continue;
            }
            let removed = self.handles.with(py, |handles| {
                let place = handles.iter().position(|held| held.is(&one))?;
                handles.remove(place)
            });
            if removed.is_some() {
                return Ok(());
            }
        }
        Err(PyValueError::new_err("the handle is not in the queue"))
    }

    pub(crate) fn clear(&self, py: Python<'_>) {
        let old = self.handles.with(py, std::mem::take);
        drop(old);
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.len(py)
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
        let all = |handles: &VecDeque<_>| handles.iter().try_for_each(|handle| visit.call(handle));
        self.handles.traverse(all).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.clear(py);
    }
}
