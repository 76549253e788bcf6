//! The version of a dictionary: what was found in one is found again for as long as it has the same.
//!
//! CPython gives a dictionary another version with each change, and no two the same, up to 3.13 (PEP 509); its
//! own caches of globals lived by that. Whether it does is tried out, once.

use std::mem::{offset_of, size_of};
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Where the version lies, behind the number of items: in 3.14 there is something else.
const OFFSET: usize = offset_of!(ffi::PyDictObject, ma_used) + size_of::<ffi::Py_ssize_t>();

static KEPT: OnceLock<bool> = OnceLock::new();

/// An empty dictionary. `PyDict::new` ends the process where there is no memory for one.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn empty(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: attached; the function returns a new reference to a dictionary, or null with an exception set.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyDict_New())?.cast_into_unchecked()) }
}

/// Find out whether versions are kept.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    if cfg!(Py_GIL_DISABLED) {
        // None has had them.
        let _ = KEPT.set(false);
        return Ok(());
    }
    let dict = empty(py)?;
    let mut seen = vec![read(&dict)];
    for value in 0..3 {
        dict.set_item("key", value)?;
        seen.push(read(&dict));
    }
    dict.del_item("key")?;
    seen.push(read(&dict));
    seen.push(read(&empty(py)?));
    let number = seen.len();
    seen.sort_unstable();
    seen.dedup();
    let _ = KEPT.set(seen.len() == number && !seen.contains(&0));
    Ok(())
}

/// The version of a dictionary, never 0; None where none is kept.
#[inline]
pub(crate) fn version_of(dict: &Bound<'_, PyDict>) -> Option<u64> {
    KEPT.get().is_some_and(|kept| *kept).then(|| read(dict))
}

fn read(dict: &Bound<'_, PyDict>) -> u64 {
    // SAFETY: attached; every CPython has a number of 64 bits there, in every dictionary.
    unsafe { dict.as_ptr().byte_add(OFFSET).cast::<u64>().read() }
}
