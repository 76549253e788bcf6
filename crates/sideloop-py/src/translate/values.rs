//! Values: what Python's half has translated.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::kind::{Kinds, PlainClasses};
use super::walk::{Odd, Walk};

/// Translate an answer and what it holds; what holds nothing to translate is passed on as it is.
///
/// `sort(kind)` says what is to be done with the objects of a class: None for nothing, a `Shape` to look into them,
/// or what translates each. What raises an exception is passed on as it is, and goes to `report(value, error)`.
///
/// # Errors
/// Only what is no `Exception`.
#[pyfunction]
pub(crate) fn translate<'py>(
    value: Bound<'py, PyAny>,
    sort: &Bound<'py, PyAny>,
    report: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    Walk::new(Kinds::new(sort), Odd::Reported(report)).translate(value)
}

/// Translate the arguments of a call, and what they hold. What they share is translated once.
///
/// # Errors
/// What translating one raises.
#[pyfunction]
pub(crate) fn translate_call<'py>(
    args: Bound<'py, PyTuple>,
    kwargs: Bound<'py, PyDict>,
    sort: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if PlainClasses::new(args.py()).have_all(&args, &kwargs) {
        return Ok((args.into_any(), kwargs.into_any()));
    }
    let mut walk = Walk::new(Kinds::new(sort), Odd::Raised);
    Ok((walk.translate(args.into_any())?, walk.translate(kwargs.into_any())?))
}
