//! The slots of Python classes (`__slots__`), read and written where they lie in an instance.
//!
//! Without the interpreter lock other threads may read and write them meanwhile, by their names. CPython's own code does
//! so with the object's own lock held, but for reading, which it tries without; so ours takes that lock, and stores in
//! one step. With the interpreter lock nothing of that is left: the section is empty, the accesses are plain ones.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::PyType;

/// The address of a slot.
///
/// # Safety
/// `object` has a slot that holds an object reference at `offset`.
pub(crate) unsafe fn slot(object: *mut ffi::PyObject, offset: isize) -> *mut *mut ffi::PyObject {
    // SAFETY: within the object, by the caller's word; slots are aligned as pointers are.
    unsafe { object.byte_offset(offset).cast() }
}

/// What a slot holds now, to be compared and no more.
///
/// # Safety
/// As `slot`.
#[inline]
pub(crate) unsafe fn peek(object: &Bound<'_, PyAny>, offset: isize) -> *mut ffi::PyObject {
    // SAFETY: by the caller's word.
    // ORDERING: Relaxed: nothing behind it is looked at.
    unsafe { AtomicPtr::from_ptr(slot(object.as_ptr(), offset)).load(Ordering::Relaxed) }
}

/// What a slot holds. Only inside of `section`.
///
/// # Safety
/// As `slot`.
#[inline]
pub(crate) unsafe fn held<'py>(
    object: &Bound<'py, PyAny>,
    offset: isize,
) -> Option<Bound<'py, PyAny>> {
    // SAFETY: attached, and by the caller's word; a live object or null, which nobody takes out before we have a
    // reference of our own.
    unsafe { Bound::from_borrowed_ptr_or_opt(object.py(), *slot(object.as_ptr(), offset)) }
}

/// Put a reference into a slot; what it has held comes back, to be dropped. Only inside of `section`.
///
/// # Safety
/// As `slot`; and the reference is given to the slot.
#[inline]
pub(crate) unsafe fn put(
    object: &Bound<'_, PyAny>,
    offset: isize,
    reference: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: by the caller's word.
    let slot = unsafe { AtomicPtr::from_ptr(slot(object.as_ptr(), offset)) };
    let before = slot.load(Ordering::Relaxed);
    // ORDERING: Release, for CPython's readers, which take no lock.
    slot.store(reference, Ordering::Release);
    before
}

/// Nobody else writes to the slots of this object while `inside` runs, which runs no Python code and begins no other
/// section: to begin one of the same object lets go of this one (CPython 3.13).
#[inline]
pub(crate) fn section<R>(object: &Bound<'_, PyAny>, inside: impl FnOnce() -> R) -> R {
    with_critical_section(object, inside)
}

/// What a descriptor gives for an object.
///
/// # Errors
/// What it raises; `TypeError`, if it is none.
pub(crate) fn get<'py>(
    descriptor: &Bound<'py, PyAny>,
    object: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = object.get_type();
    // SAFETY: attached; all three live through the call, which returns a new reference, or null with an exception set.
    unsafe {
        match (*ffi::Py_TYPE(descriptor.as_ptr())).tp_descr_get {
            Some(get) => {
                let found = get(descriptor.as_ptr(), object.as_ptr(), class.as_ptr());
                Bound::from_owned_ptr_or_err(object.py(), found)
            }
            None => Err(PyTypeError::new_err("not a descriptor")),
        }
    }
}

/// The version of a class, which is another one whenever the class or one of its bases is changed; 0 if it has none
/// now. A look for one of its attributes gives it one, unless they have run out.
pub(crate) fn class_version(class: &Bound<'_, PyType>) -> u32 {
    // SAFETY: attached; the class is alive.
    unsafe { version_tag(class.as_type_ptr()) }
}

/// The same, of the class of this object.
#[inline]
pub(crate) fn version_of_class(object: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: attached; the class of a live object is alive.
    unsafe { version_tag(object.get_type_ptr()) }
}

/// # Safety
/// Attached, and the class is alive.
unsafe fn version_tag(class: *mut ffi::PyTypeObject) -> u32 {
    // SAFETY: by the caller's word; the field is only read.
    // ORDERING: Relaxed: compared only. A class that another thread changes at this instant is before or after that.
    unsafe { AtomicU32::from_ptr(&raw mut (*class).tp_version_tag).load(Ordering::Relaxed) }
}

/// Where the slot of this name lies in instances of the class, in bytes from their start; None if there is no such
/// slot.
///
/// # Errors
/// What looking it up raises.
pub(crate) fn slot_offset(class: &Bound<'_, PyType>, name: &str) -> PyResult<Option<isize>> {
    let py = class.py();
    let descriptor = class.getattr("__dict__")?.get_item(name)?;
    if !descriptor.is_instance(&py.import("types")?.getattr("MemberDescriptorType")?)? {
        return Ok(None);
    }
    // SAFETY: a member descriptor has this layout, and its definition lives as long as its class.
    let offset = unsafe {
        let descriptor = descriptor.as_ptr().cast::<ffi::PyMemberDescrObject>();
        (*(*descriptor).d_member.cast::<ffi::PyMemberDef>()).offset
    };
    Ok(Some(offset))
}
