//! The slots of Python classes (`__slots__`), read and written where they lie in an instance.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The address of a slot.
///
/// # Safety
/// `object` has a slot that holds an object reference at `offset`.
pub(crate) unsafe fn slot(object: *mut ffi::PyObject, offset: isize) -> *mut *mut ffi::PyObject {
    // SAFETY: within the object, by the caller's word; slots are aligned as pointers are.
    unsafe { object.byte_offset(offset).cast() }
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
