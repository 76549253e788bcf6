//! The bytes behind an object of the buffer protocol, for as long as one look at them lasts.

use std::mem::MaybeUninit;
use std::os::raw::c_int;

use pyo3::ffi;
use pyo3::prelude::*;

/// Look at the bytes of an object. `inside` runs no Python code.
///
/// # Errors
/// What the object raises that has none, or not in one piece: `TypeError` and `BufferError`.
pub(crate) fn read<R>(object: &Bound<'_, PyAny>, inside: impl FnOnce(&[u8]) -> R) -> PyResult<R> {
    with_view(object, ffi::PyBUF_SIMPLE, |start, length| {
        // SAFETY: the view holds so many bytes. Attached, and `inside` runs no Python code, so that no Python code
        // writes to them. What writes without the interpreter lock races with CPython's own readers as well.
        inside(unsafe { std::slice::from_raw_parts(start, length) })
    })
}

/// Write into the bytes of an object. `inside` runs no Python code.
///
/// # Errors
/// What the object raises that has none, not in one piece, or none to be written to: `TypeError` and `BufferError`.
pub(crate) fn write<R>(
    object: &Bound<'_, PyAny>,
    inside: impl FnOnce(&mut [u8]) -> R,
) -> PyResult<R> {
    with_view(object, ffi::PyBUF_WRITABLE, |start, length| {
        // SAFETY: as above, and the exporter says that they may be written to.
        inside(unsafe { std::slice::from_raw_parts_mut(start, length) })
    })
}

/// The part of an object that is a sequence, from `start` on and before `end`, as Python's `object[start:end]`.
///
/// Not by `cast::<PySequence>`: for other classes than list and tuple that asks `collections.abc`, in Python code, and takes
/// what a signal handler raises there for a no.
///
/// # Errors
/// What the object raises.
pub(crate) fn part<'py>(
    object: &Bound<'py, PyAny>,
    start: usize,
    end: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let place = |place: usize| isize::try_from(place).unwrap_or(isize::MAX);
    // SAFETY: attached; the function returns a new reference, or null with an exception set.
    unsafe {
        let made = ffi::PySequence_GetSlice(object.as_ptr(), place(start), place(end));
        Bound::from_owned_ptr_or_err(object.py(), made)
    }
}

fn with_view<R>(
    object: &Bound<'_, PyAny>,
    flags: c_int,
    inside: impl FnOnce(*mut u8, usize) -> R,
) -> PyResult<R> {
    let mut view = MaybeUninit::<ffi::Py_buffer>::zeroed();
    // SAFETY: attached; the function fills the view in, or returns -1 with an exception set.
    if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags) } != 0 {
        return Err(PyErr::fetch(object.py()));
    }
    // SAFETY: it was filled in, and is not moved until it is released, since it may point into itself.
    let (start, length) = unsafe {
        let view = view.assume_init_ref();
        (view.buf.cast::<u8>(), usize::try_from(view.len).unwrap_or(0))
    };
    let empty = &mut [0_u8; 0];
    let start = if start.is_null() { empty.as_mut_ptr() } else { start };
    let found = inside(start, length);
    // SAFETY: attached; filled in above, and released once.
    unsafe { ffi::PyBuffer_Release(view.as_mut_ptr()) };
    Ok(found)
}
