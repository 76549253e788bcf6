//! Objects made without a call of their class, whose constructor is Python code that adds nothing.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

/// A new instance that no `__init__` has seen.
///
/// # Errors
/// What allocating it raises.
pub(crate) fn without_init<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a class's own function, with itself.
    unsafe { new_by(class, class, &PyTuple::empty(class.py())) }
}

/// A new named tuple with these items, as `class._make(items)`.
///
/// # Errors
/// `TypeError`, if the class is none of tuples; what allocating it raises.
pub(crate) fn named_tuple<'py>(
    class: &Bound<'py, PyType>,
    items: Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let base = py.get_type::<PyTuple>();
    // SAFETY: attached; both are classes that are alive.
    let is_tuple = unsafe { ffi::PyType_IsSubtype(class.as_type_ptr(), base.as_type_ptr()) } != 0;
    if !is_tuple {
        return class.call1(items);
    }
    // SAFETY: a base's function, which lays out what is derived from it.
    unsafe { new_by(&base, class, &PyTuple::new(py, [items])?) }
}

/// A new instance of `class` by the function of `base`.
///
/// # Safety
/// `class` is `base` or derived from it, and has no other layout.
unsafe fn new_by<'py>(
    base: &Bound<'py, PyType>,
    class: &Bound<'py, PyType>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: attached; the classes are alive, and the function is called as a call of the class would. It returns a new
    // reference, or null with an exception set.
    unsafe {
        match (*base.as_type_ptr()).tp_new {
            Some(new) => {
                let made = new(class.as_type_ptr(), args.as_ptr(), std::ptr::null_mut());
                Bound::from_owned_ptr_or_err(py, made)
            }
            None => class.call1(args),
        }
    }
}
