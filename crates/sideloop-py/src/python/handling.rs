//! The exception that is being handled, which `sys.exc_info()` tells.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Call this as in an `except` block that has caught `error`: whoever logs what is handled finds it, and what is raised
/// meanwhile has it as its context.
pub(crate) fn while_handling<R>(error: &Bound<'_, PyAny>, call: impl FnOnce() -> R) -> R {
    let (mut class, mut value, mut traceback) =
        (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: attached; what was handled before is given to us, and what is handled now to the interpreter, each of
    // the three a reference of its own or null.
    unsafe {
        ffi::PyErr_GetExcInfo(&raw mut class, &raw mut value, &raw mut traceback);
        let now = error.clone();
        let its_class = now.get_type().into_any();
        let its_traceback = ffi::PyException_GetTraceback(now.as_ptr());
        ffi::PyErr_SetExcInfo(its_class.into_ptr(), now.into_ptr(), its_traceback);
    }
    let returned = call();
    // SAFETY: attached, still; the references are handed back.
    unsafe { ffi::PyErr_SetExcInfo(class, value, traceback) };
    returned
}

/// Call a method with an error and a text, while that error is handled.
///
/// # Errors
/// What the method raises.
pub(crate) fn report(
    object: &Bound<'_, PyAny>,
    method: &Bound<'_, PyString>,
    error: PyErr,
    message: &str,
) -> PyResult<()> {
    let py = object.py();
    // With its traceback, which `value` leaves aside before CPython 3.12.
    let error = error.into_value(py).into_bound(py).into_any();
    while_handling(&error, || object.call_method1(method, (&error, message))).map(drop)
}
