//! Where code stands that other threads may run meanwhile: a thread's stack, and what a coroutine awaits.
//!
//! With the interpreter lock whoever looks is the one that runs. Without it a frame that is walked while its thread goes
//! on is memory that changes: of a coroutine that begins to run in that moment CPython 3.13 has crashed. So all threads
//! are stopped for the look, as the collector stops them.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyFrame, PyType};

/// A code object, and the line in it.
type Place = (Py<PyCode>, i32);

/// The places of a frame and of those that have called it, the innermost first.
#[pyfunction]
pub(crate) fn stack_of(py: Python<'_>, frame: &Bound<'_, PyFrame>) -> Vec<Place> {
    let mut frames = vec![frame.clone()];
    let mut places = Vec::new();
    while_all_stand(|| {
        while let Some(frame) = frames.last() {
            places.push(place_of(frame));
            // SAFETY: attached, and a frame; what is returned is our own reference, or null.
            let back = unsafe {
                let back = ffi::PyFrame_GetBack(frame.as_ptr().cast());
                Bound::from_owned_ptr_or_opt(py, back.cast())
            };
            let Some(back) = back else { return };
            // SAFETY: a frame.
            frames.push(unsafe { back.cast_into_unchecked() });
        }
    });
    places
}

/// Where a coroutine, generator or async generator stands, and what it awaits; None if it has ended.
///
/// # Errors
/// What an audit hook raises.
#[pyfunction]
pub(crate) fn standing_at<'py>(
    py: Python<'py>,
    awaited: &Bound<'py, PyAny>,
    names: (Bound<'py, PyAny>, Bound<'py, PyAny>),
) -> PyResult<Option<(Place, Option<Bound<'py, PyAny>>)>> {
    let kind = awaited.get_type();
    // Looked up before: a class's attributes are under a lock that a thread which stands may hold.
    let (frame_of, next_of) = (slot_of(&kind, &names.0)?, slot_of(&kind, &names.1)?);
    while_all_stand(|| {
        let frame = frame_of.get(py, awaited)?;
        let Ok(frame) = frame.cast_into::<PyFrame>() else { return Ok(None) };
        let next = next_of.get(py, awaited)?;
        Ok(Some((place_of(&frame), (!next.is_none()).then_some(next), frame)))
    })
    .map(|found: Option<(Place, Option<_>, _)>| found.map(|(place, next, _)| (place, next)))
}

fn place_of(frame: &Bound<'_, PyFrame>) -> Place {
    let raw = frame.as_ptr().cast();
    // SAFETY: attached, and a frame; its code is our own reference.
    unsafe {
        let code = Bound::from_owned_ptr(frame.py(), ffi::PyFrame_GetCode(raw).cast());
        (code.cast_into_unchecked().unbind(), ffi::PyFrame_GetLineNumber(raw))
    }
}

/// A descriptor of CPython's own.
struct Slot<'py>(Bound<'py, PyAny>, ffi::descrgetfunc);

fn slot_of<'py>(kind: &Bound<'py, PyType>, name: &Bound<'py, PyAny>) -> PyResult<Slot<'py>> {
    let found = kind.getattr("__dict__")?.get_item(name)?;
    // SAFETY: attached; the type of an object lives as long as that.
    let get = unsafe { (*ffi::Py_TYPE(found.as_ptr())).tp_descr_get };
    let get = get.ok_or_else(|| PyRuntimeError::new_err("an attribute of CPython's is none"))?;
    Ok(Slot(found, get))
}

impl Slot<'_> {
    fn get<'py>(&self, py: Python<'py>, of: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: attached; a descriptor is asked for an object of its class, and gives a new reference or an error.
        unsafe {
            let got = (self.1)(self.0.as_ptr(), of.as_ptr(), ffi::Py_TYPE(of.as_ptr()).cast());
            Bound::from_owned_ptr_or_err(py, got)
        }
    }
}

/// Look while no other thread runs Python code. Who looks runs none, and drops nothing.
#[cfg(not(Py_GIL_DISABLED))]
fn while_all_stand<T>(mut look: impl FnMut() -> T) -> T {
    look()
}

/// Look while no other thread runs Python code. Who looks runs none, and drops nothing.
///
/// CPython stops them to show all objects to a visitor, which here has seen enough with the first. An audit hook that is
/// written in Python is all that may run meanwhile; the collector, which would stop them once more, may not come for it.
#[cfg(Py_GIL_DISABLED)]
fn while_all_stand<T>(mut look: impl FnMut() -> T) -> T {
    use std::ffi::{c_int, c_void};

    type Act<'a> = &'a mut dyn FnMut();

    extern "C" fn visit(_: *mut ffi::PyObject, act: *mut c_void) -> c_int {
        // SAFETY: what is passed below, and waits there.
        let act = unsafe { &mut *act.cast::<Act<'_>>() };
        // SAFETY: attached, as who has called below; nobody else asks for the collector meanwhile.
        let was_enabled = unsafe { ffi::PyGC_Disable() } != 0;
        act();
        if was_enabled {
            // SAFETY: attached.
            unsafe { ffi::PyGC_Enable() };
        }
        0
    }

    unsafe extern "C" {
        fn PyUnstable_GC_VisitObjects(
            visit: extern "C" fn(*mut ffi::PyObject, *mut c_void) -> c_int,
            argument: *mut c_void,
        );
    }

    let mut found = None;
    let mut act = || found = Some(look());
    let mut passed: Act<'_> = &mut act;
    // SAFETY: attached. The visitor is called before this returns, with what is borrowed here alone.
    unsafe { PyUnstable_GC_VisitObjects(visit, (&raw mut passed).cast()) };
    // Or there was no object.
    found.unwrap_or_else(look)
}
