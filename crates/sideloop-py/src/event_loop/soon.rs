//! `call_soon` as it is called for each callback: by position, its context by name.
//!
//! PyO3's general way of taking arguments apart makes a tuple of the rest, which a call that ends at once does not
//! need, and compares names as text: a thirtieth of an empty call (counted by callgrind on CPython 3.11). It stays for
//! all other forms, and has their errors, the signature and the documentation.

use std::sync::OnceLock;
use std::{ptr, slice};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyTupleMethods, PyType};

use super::core::LoopCore;
use crate::python::names::names;

/// The method as PyO3 has made it.
static GENERAL: OnceLock<Py<PyAny>> = OnceLock::new();

/// Put the quick way in before the general one. Before anybody looks at the class.
///
/// # Errors
/// What looking at the class and changing it raises.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<LoopCore>();
    let name = names(py).call_soon.bind(py);
    let general = class.getattr(name)?;
    let descriptors = py.import("types")?.getattr("MethodDescriptorType")?;
    if !general.get_type().is(&descriptors) {
        return Ok(());
    }
    let quick = like(&class, &general)?;
    let _ = GENERAL.set(general.unbind());
    class.setattr(name, quick)
}

/// A method of this class like that one, but for what it runs.
fn like<'py>(
    class: &Bound<'py, PyType>,
    general: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: attached; a method descriptor has this layout, and its definition lives for as long as the process.
    let known = unsafe {
        let descriptor = general.as_ptr().cast::<ffi::PyMethodDescrObject>();
        &*(*descriptor).d_method
    };
    let definition = ffi::PyMethodDef {
        ml_name: known.ml_name,
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call_soon },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: known.ml_doc,
    };
    // SAFETY: attached; the definition lives for as long as the process; the function returns a new reference, or
    // null with an exception set.
    unsafe {
        let made = ffi::PyDescr_NewMethod(class.as_type_ptr(), Box::leak(Box::new(definition)));
        Bound::from_owned_ptr_or_err(class.py(), made)
    }
}

/// # Safety
/// As CPython calls a method of a class: attached, with an instance of it, `count` arguments and those that are named.
unsafe extern "C" fn call_soon(
    event_loop: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    named: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: by the caller's word.
    let known = unsafe {
        Borrowed::from_ptr(Python::assume_attached(), event_loop).cast_unchecked::<LoopCore>()
    };
    // Who turns the loop is in a function of PyO3's, which knows that the thread is attached. Elsewhere it would have
    // `PyGILState_Ensure` say so, and where CPython frees what it knows of a thread, before 3.12.4, the release after that
    // frees it a second time, under the finalizer that has called us.
    if !known.get().runs_here() {
        // SAFETY: by the caller's word.
        return unsafe { in_general(event_loop, args, count, named) };
    }
    // None where PyO3 takes no thread in: while the collector looks around, or the interpreter ends.
    let quick = Python::try_attach(|py| {
        // SAFETY: by the caller's word. Objects that are passed live for the call, and lie there as `Bound` holds one.
        let (event_loop, all, named) = unsafe {
            let event_loop = Borrowed::from_ptr(py, event_loop).cast_unchecked::<LoopCore>();
            let named =
                Borrowed::from_ptr_or_opt(py, named).map(|it| it.cast_unchecked::<PyTuple>());
            let all = usize::try_from(count).ok()? + named.as_ref().map_or(0, |named| named.len());
            (event_loop, slice::from_raw_parts(args.cast::<Bound<'_, PyAny>>(), all), named)
        };
        let (positional, context) = match named.as_deref().map(PyTupleMethods::as_slice) {
            None | Some([]) => (all, None),
            Some([name]) if is_context(name) => {
                let (context, positional) = all.split_last()?;
                (positional, Some(context).filter(|context| !context.is_none()))
            }
            Some(_) => return None,
        };
        let (callback, rest) = positional.split_first()?;
        Some(match LoopCore::soon(&event_loop, callback, rest, context) {
            Ok(handle) => handle.into_ptr(),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        })
    });
    // SAFETY: by the caller's word.
    quick.flatten().unwrap_or_else(|| unsafe { in_general(event_loop, args, count, named) })
}

/// Whether an argument of this name is the context. asyncio's C code has a text of its own for it.
fn is_context(name: &Bound<'_, PyAny>) -> bool {
    name.is(&names(name.py()).context_name)
        // SAFETY: attached; names of arguments are texts, and the function raises nothing.
        || unsafe { ffi::PyUnicode_CompareWithASCIIString(name.as_ptr(), c"context".as_ptr()) } == 0
}

/// The method as PyO3 has made it, with the same arguments.
///
/// # Safety
/// As `call_soon`.
#[cold]
unsafe fn in_general(
    event_loop: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    named: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let Some(general) = GENERAL.get() else { return ptr::null_mut() };
    // SAFETY: by the caller's word; `named` is null or a tuple of names.
    unsafe {
        let names = if named.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(named) };
        let (Ok(positional), Ok(names)) = (usize::try_from(count), usize::try_from(names)) else {
            return ptr::null_mut();
        };
        let args = slice::from_raw_parts(args, positional + names);
        let all = [&[event_loop], args].concat();
        ffi::PyObject_Vectorcall(general.as_ptr(), all.as_ptr(), positional + 1, named)
    }
}
