//! The context variables that are ours: what they say is true of one call, and is not brought back from it.

use pyo3::prelude::*;

use super::deadline;
use crate::python::inside;

/// Whether this is one of them: a limit ends with its block, and what ran inside of a call has done so.
pub(crate) fn is_ours(variable: &Bound<'_, PyAny>) -> bool {
    deadline::is_variable(variable) || inside::is_variable(variable)
}
