//! Dictionaries, and where instances have their own.

use std::mem::{offset_of, size_of};
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use pyo3::{Borrowed, ffi};

use super::slots::slot;

/// Where a dictionary has a word for who caches what is in it, behind the number of items.
const OFFSET: usize = offset_of!(ffi::PyDictObject, ma_used) + size_of::<ffi::Py_ssize_t>();

/// Where instances of most classes have their dictionary since 3.11, before themselves.
const MANAGED: isize = -3 * size_of::<*mut ffi::PyObject>().cast_signed();

/// Whether it is there.
static IS_MANAGED: OnceLock<bool> = OnceLock::new();

/// An empty dictionary. `PyDict::new` ends the process where there is no memory for one.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn empty(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: attached; the function returns a new reference to a dictionary, or null with an exception set.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyDict_New())?.cast_into_unchecked()) }
}

/// The word of a dictionary behind its number of items: its version, up to 3.13; then the low bits say who watches it.
#[inline]
pub(super) fn word_of(dict: &Bound<'_, PyDict>) -> u64 {
    // SAFETY: attached; every CPython has a number of 64 bits there, in every dictionary.
    unsafe { dict.as_ptr().byte_add(OFFSET).cast::<u64>().read() }
}

/// Find out where instances have their dictionaries.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let _ = IS_MANAGED.set(is_managed(py)?);
    Ok(())
}

/// Whether an instance that keeps no values in place of a dictionary, as loops are, has it at `MANAGED`.
fn is_managed(py: Python<'_>) -> PyResult<bool> {
    let class = py.get_type::<PyType>().call1(("Tried", (py.get_type::<PyDict>(),), empty(py)?))?;
    let tried = class.call0()?;
    tried.setattr("key", 1)?;
    let own = tried.getattr("__dict__")?;
    Ok(managed(&tried).is_some_and(|found| found == own.as_ptr()))
}

/// What lies at `MANAGED` of an instance of a class that says so; None without the interpreter lock, where it lies
/// elsewhere, and may be exchanged while it is looked at.
#[inline]
fn managed(object: &Bound<'_, PyAny>) -> Option<*mut ffi::PyObject> {
    #[cfg(all(Py_3_11, not(Py_GIL_DISABLED)))]
    // SAFETY: attached; the class of a live object is alive, and by this flag its instances have room there.
    unsafe {
        let class = object.get_type_ptr();
        ((*class).tp_flags & ffi::Py_TPFLAGS_MANAGED_DICT != 0)
            .then(|| *slot(object.as_ptr(), MANAGED))
    }
    #[cfg(not(all(Py_3_11, not(Py_GIL_DISABLED))))]
    {
        let _ = object;
        None
    }
}

/// What is known of an instance's own dictionary.
pub(crate) enum Own<'a, 'py> {
    Here(Borrowed<'a, 'py, PyDict>),
    /// It has none yet.
    Missing,
    /// To be asked for.
    Unknown,
}

/// The dictionary of an instance's own attributes, read where it lies: to ask for it costs as much as to look into it.
#[inline]
pub(crate) fn own_of<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Own<'a, 'py> {
    if cfg!(Py_GIL_DISABLED) {
        // It may be exchanged meanwhile.
        return Own::Unknown;
    }
    // SAFETY: attached; the class of a live object is alive. A positive offset is where instances keep their
    // dictionary, or null before they have one.
    let found = unsafe {
        let offset = (*object.get_type_ptr()).tp_dictoffset;
        if offset > 0 {
            let found = *slot(object.as_ptr(), offset);
            if found.is_null() {
                return Own::Missing;
            }
            found
        } else if IS_MANAGED.get() == Some(&true) {
            managed(object).unwrap_or(std::ptr::null_mut())
        } else {
            return Own::Unknown;
        }
    };
    // CPython 3.12 marks by an odd address what is no dictionary yet.
    if found.is_null() || !found.addr().is_multiple_of(2) {
        return Own::Unknown;
    }
    // SAFETY: attached; it lives for as long as nobody puts another one there, which takes Python code.
    let found = unsafe { Borrowed::from_ptr(object.py(), found) };
    found.cast::<PyDict>().map_or(Own::Unknown, Own::Here)
}
