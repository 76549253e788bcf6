//! Make an object and keep it, with no step of Python in between, in which a signal handler could raise.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Set the attribute of `holder` to `make(holder)`: a coroutine that is kept so can be closed, whatever comes after.
///
/// # Errors
/// What `make` raises.
#[pyfunction]
pub(crate) fn make_held(
    holder: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    make: &Bound<'_, PyAny>,
) -> PyResult<()> {
    holder.setattr(name, make.call1((holder,))?)
}
