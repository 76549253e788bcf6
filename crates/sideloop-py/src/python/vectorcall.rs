//! Calls without the tuple and the dictionary that a general call makes.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// The most arguments these calls take.
const MOST: usize = 4;

/// `callable(*args)`, where the last `names.len()` arguments are passed by those names.
///
/// # Errors
/// What the call raises.
pub(crate) fn call<'py, const N: usize>(
    callable: &Bound<'py, PyAny>,
    args: [&Bound<'py, PyAny>; N],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let args = args.map(Bound::as_ptr);
    let positional = args.len().saturating_sub(names.len());
    // SAFETY: attached; the arguments live for the call, since we borrow them; `names` is a tuple of
    // strings, one for each argument after the positional ones.
    unsafe {
        let found =
            ffi::PyObject_Vectorcall(callable.as_ptr(), args.as_ptr(), positional, names.as_ptr());
        Bound::from_owned_ptr_or_err(callable.py(), found)
    }
}

/// The same, with as many arguments as there are.
///
/// # Errors
/// What the call raises.
pub(crate) fn call_all<'py>(
    callable: &Bound<'py, PyAny>,
    args: &[Bound<'py, PyAny>],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let pointers: Vec<_> = args.iter().map(Bound::as_ptr).collect();
    let positional = args.len().saturating_sub(names.len());
    // SAFETY: as above.
    unsafe {
        let found = ffi::PyObject_Vectorcall(
            callable.as_ptr(),
            pointers.as_ptr(),
            positional,
            names.as_ptr(),
        );
        Bound::from_owned_ptr_or_err(callable.py(), found)
    }
}

/// `object.method(*args)`, where the last `names.len()` arguments are passed by those names.
///
/// # Errors
/// What the call raises.
pub(crate) fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    method: &Bound<'py, PyString>,
    args: [&Bound<'py, PyAny>; 2],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut all = [object.as_ptr(); MOST];
    for (place, arg) in all.iter_mut().skip(1).zip(args) {
        *place = arg.as_ptr();
    }
    let positional = 1 + args.len().saturating_sub(names.len());
    // SAFETY: as above; the first argument is the object itself.
    unsafe {
        let found = ffi::PyObject_VectorcallMethod(
            method.as_ptr(),
            all.as_ptr(),
            positional,
            names.as_ptr(),
        );
        Bound::from_owned_ptr_or_err(object.py(), found)
    }
}
