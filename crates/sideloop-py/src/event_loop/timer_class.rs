//! The class of the timers made here: asyncio's, but that its instances are cancelled without Python code.
//!
//! Whoever waits with a limit cancels a timer each time, as servers do for each request. asyncio's `cancel` asks the loop
//! and the class below it in turn, which is half of what a timer takes that is cancelled (counted by callgrind on CPython
//! 3.11). It is what runs in debug mode still, where somebody has patched it, and where a loop has another
//! `_timer_handle_cancelled`.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::core::LoopCore;
use super::handle;
use super::overrides::Method;
use crate::python::dictionary;
use crate::python::names::names;
use crate::python::slots::class_version;

/// asyncio's classes and what they had before anybody has changed them.
struct Known {
    /// With the version that it had when it was looked at last.
    derived: Py<PyType>,
    // ORDERING: Relaxed: a version says what the class has, whoever reads it.
    version: AtomicU32,
    /// `asyncio.TimerHandle` and its base, each with its `cancel`.
    classes: [(Py<PyType>, Py<PyAny>); 2],
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// The class, derived from `asyncio.TimerHandle`. Before anybody looks at it.
///
/// # Errors
/// What looking at classes and making one raises.
pub(super) fn derive<'py>(
    handle: &Bound<'py, PyType>,
    timer: &Bound<'py, PyType>,
) -> PyResult<Bound<'py, PyType>> {
    let py = timer.py();
    let body = dictionary::empty(py)?;
    body.set_item("__slots__", PyTuple::empty(py))?;
    body.set_item("__doc__", timer.getattr("__doc__")?)?;
    body.set_item("__module__", "sideloop._sideloop")?;
    let derived = py.get_type::<PyType>().call1((timer.name()?, (timer,), body))?;
    let derived = derived.cast_into::<PyType>()?;
    let definition = ffi::PyMethodDef {
        ml_name: c"cancel".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: cancel },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: c"cancel($self, /)\n--\n\nKeep what the timer would have run from being run."
            .as_ptr(),
    };
    let name = names(py).cancel.bind(py);
    // SAFETY: attached; the definition lives for as long as the process; the function returns a new reference, or
    // null with an exception set.
    let method = unsafe {
        let made = ffi::PyDescr_NewMethod(derived.as_type_ptr(), Box::leak(Box::new(definition)));
        Bound::from_owned_ptr_or_err(py, made)?
    };
    derived.setattr(name, method)?;
    let own = |class: &Bound<'py, PyType>| -> PyResult<_> {
        Ok((class.clone().unbind(), class.getattr(name)?.unbind()))
    };
    let classes = [own(timer)?, own(handle)?];
    let derived_known = derived.clone().unbind();
    let _ = KNOWN.set(Known { derived: derived_known, version: AtomicU32::new(0), classes });
    Ok(derived)
}

impl Known {
    /// Whether asyncio's classes cancel as they do by themselves.
    fn is_unchanged(&self, py: Python<'_>) -> bool {
        let version = class_version(self.derived.bind(py));
        (version != 0 && version == self.version.load(Ordering::Relaxed)) || self.look(py)
    }

    #[cold]
    fn look(&self, py: Python<'_>) -> bool {
        let name = names(py).cancel.bind(py);
        // A look gives the class its version.
        let _ = self.derived.bind(py).getattr(name);
        let version = class_version(self.derived.bind(py));
        let unchanged = self
            .classes
            .iter()
            .all(|(class, cancel)| class.bind(py).getattr(name).is_ok_and(|now| now.is(cancel)));
        if unchanged {
            self.version.store(version, Ordering::Relaxed);
        }
        unchanged
    }
}

/// # Safety
/// As CPython calls a method of a class: attached, with an instance of it.
unsafe extern "C" fn cancel(
    timer: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // Not PyO3's way in, whose way out frees what CPython knows of a thread a second time where that ends (before
    // 3.12.4): only what the thread holds for the call is dropped here.
    // SAFETY: by the caller's word.
    let timer = unsafe { Borrowed::from_ptr(Python::assume_attached(), timer) };
    match cancel_timer(&timer) {
        Ok(()) => timer.py().None().into_ptr(),
        Err(error) => {
            error.restore(timer.py());
            ptr::null_mut()
        }
    }
}

fn cancel_timer(timer: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = timer.py();
    if handle::is_cancelled(timer)? {
        return Ok(());
    }
    let Some(known) = KNOWN.get() else {
        return Err(PyRuntimeError::new_err("a timer whose class is not made yet"));
    };
    if let Some(event_loop) = handle::event_loop(timer)
        && let Ok(event_loop) = event_loop.cast::<LoopCore>()
        && !event_loop.get().is_debug()
        && LoopCore::keeps(event_loop, Method::TimerHandleCancelled)
        && known.is_unchanged(py)
    {
        event_loop.get()._timer_handle_cancelled(timer)?;
        return handle::cancel(timer);
    }
    let [(class, _), _] = &known.classes;
    class.bind(py).call_method1(names(py).cancel.bind(py), (timer,)).map(drop)
}
