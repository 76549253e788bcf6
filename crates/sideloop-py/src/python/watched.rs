//! Dictionaries of which CPython tells us before they change: from 3.14 on, where they have no versions.
//!
//! All that are watched have one count of changes, of names that are looked for: a loop's own attributes change with
//! each run, and `sys.modules` with each import.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::attached::Attached;
use super::dictionary::{empty, word_of};

/// How many bits of a version are the count; the others are the dictionary's address.
const COUNT: u32 = 20;

/// The bit that says that we watch, in the word of a dictionary's watchers. Not there where we are told nothing.
static BIT: OnceLock<u64> = OnceLock::new();

// ORDERING: Relaxed: read and written attached.
/// How often a watched one has changed, from 1 on.
static CHANGES: AtomicU64 = AtomicU64::new(1);

/// The hashes of the names that are looked for.
static ASKED: Attached<Vec<ffi::Py_hash_t>> = Attached::new(Vec::new());

type Callback = unsafe extern "C" fn(
    c_int,
    *mut ffi::PyObject,
    *mut ffi::PyObject,
    *mut ffi::PyObject,
) -> c_int;

/// CPython's functions for that, which PyO3 names in part.
#[cfg(all(Py_3_14, not(Py_GIL_DISABLED)))]
mod api {
    use super::{Callback, c_int};

    pub(super) use pyo3::ffi::PyDict_Watch;

    unsafe extern "C" {
        /// A number for a watcher; negative, with an exception set, where there are as many as may be.
        pub(super) fn PyDict_AddWatcher(callback: Callback) -> c_int;
    }
}

/// Older ones have versions, and without the interpreter lock nothing is kept.
#[cfg(not(all(Py_3_14, not(Py_GIL_DISABLED))))]
#[allow(non_snake_case, reason = "CPython's names")]
mod api {
    use super::{Callback, c_int, ffi};

    pub(super) unsafe fn PyDict_AddWatcher(_: Callback) -> c_int {
        -1
    }

    pub(super) unsafe fn PyDict_Watch(_: c_int, _: *mut ffi::PyObject) -> c_int {
        -1
    }
}

/// Before a dictionary changes, or is freed. An exception may be set, which is somebody's.
unsafe extern "C" fn before_change(
    _event: c_int,
    _dict: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> c_int {
    // SAFETY: CPython calls attached, with a key or null. To hash a text runs no code.
    let is_asked = unsafe {
        key.is_null() || ffi::PyUnicode_CheckExact(key) == 0 || {
            let hash = ffi::PyObject_Hash(key);
            ASKED.with(Python::assume_attached(), |asked| asked.contains(&hash))
        }
    };
    if is_asked {
        CHANGES.fetch_add(1, Ordering::Relaxed);
    }
    0
}

/// Find out whether we are told. A process has eight watchers: none may be left.
///
/// # Errors
/// `MemoryError`.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    // SAFETY: attached; the callback lives as long as the process.
    let id = unsafe { api::PyDict_AddWatcher(before_change) };
    if id < 0 {
        drop(PyErr::take(py));
        return Ok(());
    }
    let bit = 1 << id;
    let tried = empty(py)?;
    let (word, changes) = (word_of(&tried), CHANGES.load(Ordering::Relaxed));
    watch(&tried, id);
    tried.set_item(0, 0)?;
    let is_marked = word & bit == 0 && word_of(&tried) & bit != 0;
    if is_marked && CHANGES.load(Ordering::Relaxed) == changes + 1 {
        let _ = BIT.set(bit);
    }
    Ok(())
}

/// Have these names be looked for.
///
/// # Errors
/// None: a text has a hash.
pub(super) fn ask<'a>(
    py: Python<'_>,
    names: impl IntoIterator<Item = &'a Py<PyString>>,
) -> PyResult<()> {
    for name in names {
        let hash = name.bind(py).hash()?;
        ASKED.with(py, |asked| asked.push(hash));
    }
    Ok(())
}

/// The version of a dictionary, which has this word: as `versions::version_for`.
#[inline]
pub(super) fn version_of(dict: &Bound<'_, PyDict>, word: u64) -> Option<u64> {
    let bit = *BIT.get()?;
    if word & bit == 0 {
        watch(dict, bit.trailing_zeros().cast_signed());
    }
    let changes = CHANGES.load(Ordering::Relaxed);
    // Dictionaries are aligned to 16 bytes.
    let address = dict.as_ptr().addr() as u64 >> 4;
    // Versions may run out, as those of classes.
    (changes >> COUNT == 0 && address >> (u64::BITS - COUNT) == 0)
        .then_some(address << COUNT | changes)
}

#[cold]
fn watch(dict: &Bound<'_, PyDict>, id: c_int) {
    // SAFETY: attached; it fails for what is no dictionary, or no watcher, alone.
    unsafe { api::PyDict_Watch(id, dict.as_ptr()) };
}
