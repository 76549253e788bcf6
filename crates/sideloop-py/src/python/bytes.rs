//! `bytes` that are filled where they lie, instead of being copied there.

use std::mem::MaybeUninit;
use std::os::raw::c_int;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

// Not in PyO3: CPython exports it, in every version, with this signature.
unsafe extern "C" {
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, length: ffi::Py_ssize_t) -> c_int;
}

/// New bytes, as many as `fill` says that it has filled of `room`. It runs no Python code.
///
/// # Errors
/// What `fill` returns, and `MemoryError` in its place where there is none for so much room.
///
/// # Safety
/// `fill` has written to the first bytes, as many as it says.
pub(crate) unsafe fn filled<'py, E>(
    py: Python<'py>,
    room: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<usize, E>,
) -> PyResult<Result<Bound<'py, PyBytes>, E>> {
    // SAFETY: attached; with null for the bytes, the function makes an object of so many, to be filled by us.
    let made = unsafe {
        let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), room as ffi::Py_ssize_t);
        Bound::from_owned_ptr_or_err(py, made)?
    };
    // SAFETY: the object has so many bytes, and nobody else knows it.
    let filled = fill(unsafe {
        let start = ffi::PyBytes_AsString(made.as_ptr()).cast::<MaybeUninit<u8>>();
        std::slice::from_raw_parts_mut(start, room)
    });
    let length = match filled {
        Ok(length) => length.min(room),
        Err(error) => return Ok(Err(error)),
    };
    let mut made = made.into_ptr();
    // SAFETY: we hold the only reference, and the function takes it: it puts a new one there, or null with an
    // exception set. What is left of the bytes has been written to, by the caller's word.
    unsafe {
        if length < room && _PyBytes_Resize(&raw mut made, length as ffi::Py_ssize_t) != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Ok(Bound::from_owned_ptr(py, made).cast_into_unchecked()))
    }
}
