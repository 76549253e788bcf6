//! The version of a dictionary: what was found in one is found again for as long as it has the same.
//!
//! CPython gives a dictionary another version with each change, and no two the same, up to 3.13 (PEP 509); its
//! own caches of globals lived by that. From 3.14 on it calls who watches a dictionary, before that changes
//! (`watched`), and its own caches live by that. Which it does is tried out, once.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::dictionary::{empty, word_of};
use super::watched;

/// Whether dictionaries have versions of their own.
static ARE_KEPT: OnceLock<bool> = OnceLock::new();

/// Find out which it does.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    // Without the interpreter lock none has had them, and nothing may be concluded from being told.
    let are_kept = cfg!(not(Py_GIL_DISABLED)) && are_kept(py)?;
    let _ = ARE_KEPT.set(are_kept);
    if are_kept { Ok(()) } else { watched::prepare(py) }
}

/// Whether each change gives a dictionary another version.
fn are_kept(py: Python<'_>) -> PyResult<bool> {
    let dict = empty(py)?;
    let mut seen = vec![word_of(&dict)];
    for value in 0..3 {
        dict.set_item("key", value)?;
        seen.push(word_of(&dict));
    }
    dict.del_item("key")?;
    seen.push(word_of(&dict));
    seen.push(word_of(&empty(py)?));
    let number = seen.len();
    seen.sort_unstable();
    seen.dedup();
    Ok(seen.len() == number && !seen.contains(&0))
}

/// The names that somebody looks for in dictionaries, of which all are told whether they have changed.
pub(crate) struct Asked(());

impl Asked {
    /// Names to look for.
    pub(crate) fn new<'a>(
        py: Python<'_>,
        names: impl IntoIterator<Item = &'a Py<PyString>>,
    ) -> PyResult<Self> {
        watched::ask(py, names)?;
        Ok(Self(()))
    }
}

/// What is another number once this dictionary may have another value under one of these names, and is never that of
/// another dictionary, nor 0; None where that cannot be told.
#[inline]
pub(crate) fn version_for(dict: &Bound<'_, PyDict>, _: &Asked) -> Option<u64> {
    match version_of(dict) {
        None => watched::version_of(dict, word_of(dict)),
        version => version,
    }
}

/// The version that CPython itself keeps of a dictionary, of all names, never 0; None where it keeps none.
#[inline]
pub(crate) fn version_of(dict: &Bound<'_, PyDict>) -> Option<u64> {
    ARE_KEPT.get().is_some_and(|are_kept| *are_kept).then(|| word_of(dict))
}
