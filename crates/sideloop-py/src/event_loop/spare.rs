//! Handles that nobody holds any more, kept for the next ones.
//!
//! Most handles run once and are dropped. To make and drop one takes as long as an empty callback, and each one
//! made brings the next garbage collection nearer (`benches/loop.py`, call_soon and timers).
//!
//! A handle that is kept is as one just allocated: no slot is filled, and the collector does not know it.
//!
//! Without the interpreter lock none is kept: nobody can tell in passing that he is the only one who holds it, and each
//! thread has an allocator of its own.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::python::attached::Attached;
use crate::python::slots::slot;

/// The most handles of a class that are kept: those of a burst. About 100 bytes each.
const MOST: usize = 1024;

/// Have the collector know a handle that was hidden from it.
#[inline]
pub(super) fn show(handle: &Bound<'_, PyAny>) {
    let object = handle.as_ptr();
    // SAFETY: attached; the object is of a class that the collector knows, and is whole.
    unsafe {
        if cfg!(not(Py_GIL_DISABLED))
            && ffi::PyObject_IS_GC(object) != 0
            && ffi::PyObject_GC_IsTracked(object) == 0
        {
            ffi::PyObject_GC_Track(object.cast());
        }
    }
}

/// One of the two classes of handles that are made here.
pub(super) struct Class {
    pub(super) class: Py<PyType>,
    /// Where the slots of an instance lie, in bytes from its start, and where its weak references.
    slots: Vec<isize>,
    weak_references: isize,
    spare: Attached<Vec<Py<PyAny>>>,
}

impl Class {
    pub(super) fn new(class: &Bound<'_, PyType>, slots: Vec<isize>) -> Self {
        // SAFETY: a class that is alive; only read.
        let weak_references = unsafe { (*class.as_type_ptr()).tp_weaklistoffset };
        let class = class.clone().unbind();
        Self { class, slots, weak_references, spare: Attached::default() }
    }

    /// Whether this is exactly an instance, and not one of a derived class.
    pub(super) fn fits(&self, handle: &Bound<'_, PyAny>) -> bool {
        handle.get_type_ptr().cast() == self.class.as_ptr()
    }

    /// Whether weak references are seen where they are looked for. `made` has none yet.
    pub(super) fn sees_weak_references(&self, made: &Bound<'_, PyAny>) -> PyResult<bool> {
        let before = self.is_weakly_referenced(made);
        let reference = made.py().import("weakref")?.call_method1("ref", (made,))?;
        let after = self.is_weakly_referenced(made);
        drop(reference);
        Ok(self.weak_references != 0 && !before && after)
    }

    /// An instance whose slots are all null, which the collector knows unless it is `hidden` from it.
    pub(super) fn allocate<'py>(
        &self,
        py: Python<'py>,
        hidden: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: attached. One that was kept is known to nobody, the collector included, which knows those that
        // the class's allocator makes.
        unsafe {
            if cfg!(not(Py_GIL_DISABLED))
                && let Some(kept) = self.spare.with(py, Vec::pop)
            {
                if !hidden {
                    ffi::PyObject_GC_Track(kept.as_ptr().cast());
                }
                return Ok(kept.into_bound(py));
            }
            let made = ffi::PyType_GenericAlloc(self.class.as_ptr().cast(), 0);
            let made = Bound::from_owned_ptr_or_err(py, made)?;
            if hidden {
                ffi::PyObject_GC_UnTrack(made.as_ptr().cast());
            }
            Ok(made)
        }
    }

    /// Keep an instance for `allocate`, if nobody else holds it.
    pub(super) fn keep(&self, handle: Bound<'_, PyAny>) {
        if cfg!(Py_GIL_DISABLED) || !self.is_ours_alone(&handle) {
            return;
        }
        // SAFETY: attached; one that the collector does not know stays so. Nobody finds it half empty.
        unsafe { ffi::PyObject_GC_UnTrack(handle.as_ptr().cast()) };
        for offset in &self.slots {
            // SAFETY: an instance has this slot, with a reference of its own or null. It is emptied before that
            // reference is dropped, which may run any code.
            unsafe {
                let held = slot(handle.as_ptr(), *offset).replace(std::ptr::null_mut());
                ffi::Py_XDECREF(held);
            }
        }
        let py = handle.py();
        if self.spare.with(py, |spare| spare.len()) < MOST {
            self.spare.with(py, |spare| spare.push(handle.unbind()));
        }
    }

    fn is_ours_alone(&self, handle: &Bound<'_, PyAny>) -> bool {
        // SAFETY: attached; only read.
        let holders = unsafe { ffi::Py_REFCNT(handle.as_ptr()) };
        holders == 1 && !self.is_weakly_referenced(handle)
    }

    fn is_weakly_referenced(&self, handle: &Bound<'_, PyAny>) -> bool {
        // SAFETY: an instance keeps the list of its weak references there, or null; it is only compared.
        unsafe { !(*slot(handle.as_ptr(), self.weak_references)).is_null() }
    }
}
