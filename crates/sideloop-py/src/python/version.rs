//! Which CPython this is.

use std::sync::OnceLock;

use pyo3::prelude::*;

/// Whether the interpreter is CPython 3.`minor` or newer. Cheap: PyO3 reads the version's text each time.
pub(crate) fn is_at_least(py: Python<'_>, minor: u8) -> bool {
    static MINOR: OnceLock<u8> = OnceLock::new();
    *MINOR.get_or_init(|| py.version_info().minor) >= minor
}
