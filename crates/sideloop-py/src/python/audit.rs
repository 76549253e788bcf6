//! Audit hooks: what the interpreter tells them of, told from here where its own function is not called.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};

use pyo3::ffi;
use pyo3::prelude::*;

// Not in PyO3: CPython documents it, in every version, with this signature.
unsafe extern "C" {
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
}

/// Tell the hooks of an event with two arguments. Where there are none, this is a look.
///
/// # Errors
/// What a hook raises.
pub(crate) fn audit(
    event: &CStr,
    first: &Bound<'_, PyAny>,
    second: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (first_ptr, second_ptr): (*mut ffi::PyObject, _) = (first.as_ptr(), second.as_ptr());
    // SAFETY: attached; both texts end with a zero, and the format takes two objects, which live through the call.
    if unsafe { PySys_Audit(event.as_ptr(), c"OO".as_ptr(), first_ptr, second_ptr) } == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(first.py()))
    }
}
