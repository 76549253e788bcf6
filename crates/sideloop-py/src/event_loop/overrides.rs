//! Which of a loop's methods are still those we know: overridden in a subclass, or patched later on.
//!
//! What a class has is looked up once for each version of it. CPython gives a class another version whenever
//! it, or a class that it is derived from, is changed, and its own caches of methods live by that. Versions may
//! run out (after a thousand changes of a class); the class then has none, and is looked at each time. What an
//! instance has is looked up in the same way, for each version of its dictionary; where CPython keeps none, each time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use super::core::LoopCore;
use super::dictionary;
use super::handle::slot;

/// What the loop may do in another way while nobody has changed it.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Time,
    CallAt,
    CallSoon,
    CreateTask,
    RunOnce,
    ProcessEvents,
    AddCallback,
    WriteToSelf,
}

const NAMES: [&str; 8] = [
    "time",
    "call_at",
    "call_soon",
    "create_task",
    "_run_once",
    "_process_events",
    "_add_callback",
    "_write_to_self",
];

/// A method as we know it.
struct Known {
    name: Py<PyString>,
    ours: Py<PyAny>,
}

static KNOWN: PyOnceLock<Vec<Known>> = PyOnceLock::new();

/// Look up the methods as they are before anybody has changed them.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let core = py.get_type::<LoopCore>();
    let base = py.import("asyncio.base_events")?.getattr("BaseEventLoop")?;
    let standard = py.import("asyncio.selector_events")?.getattr("BaseSelectorEventLoop")?;
    let known = NAMES.iter().map(|name| {
        let ours = match *name {
            "time" => base.getattr(*name)?,
            "_process_events" => standard.getattr(*name)?,
            _ => core.getattr(*name)?,
        };
        Ok(Known { name: PyString::intern(py, name).unbind(), ours: ours.unbind() })
    });
    let known = known.collect::<PyResult<Vec<_>>>()?;
    let _ = KNOWN.set(py, known);
    Ok(())
}

/// What was found in a loop's class, and in the loop: one bit for each method, set if it is not ours.
#[derive(Default)]
pub(super) struct Overrides {
    // ORDERING: Relaxed: read and written attached.
    /// The version of the class that was looked at; 0 if there is none.
    version: AtomicU32,
    changed: AtomicU32,
    /// The version of the loop's own dictionary that was looked at; 0 if there is none.
    own_version: AtomicU64,
    own: AtomicU32,
}

impl LoopCore {
    /// Whether a method is the one we know, in the class and in the instance, now.
    pub(super) fn keeps(slf: &Bound<'_, Self>, method: Method) -> bool {
        let Some(known) = KNOWN.get(slf.py()) else { return false };
        let overrides = &slf.get().overrides;
        overrides.of_class(slf) & (1 << method as u32) == 0
            && !overrides.has_own(slf, known, method)
    }
}

impl Overrides {
    fn of_class(&self, event_loop: &Bound<'_, LoopCore>) -> u32 {
        let version = version_of(event_loop);
        if version != 0 && version == self.version.load(Ordering::Relaxed) {
            return self.changed.load(Ordering::Relaxed);
        }
        let Some(known) = KNOWN.get(event_loop.py()) else { return u32::MAX };
        let class = event_loop.get_type();
        let look = |known: &Known| class.getattr(&known.name).is_ok_and(|own| own.is(&known.ours));
        // A look gives a class its version. It may run code of a metaclass, so the version is read before the
        // looks that count, and after.
        let _ = class.getattr(&known[0].name);
        let version = version_of(event_loop);
        let changed = known
            .iter()
            .enumerate()
            .fold(0, |bits, (bit, known)| bits | u32::from(!look(known)) << bit);
        let unchanged = version_of(event_loop) == version;
        self.changed.store(changed, Ordering::Relaxed);
        self.version.store(if unchanged { version } else { 0 }, Ordering::Relaxed);
        changed
    }
}

impl Overrides {
    /// Whether the instance itself has the method.
    fn has_own(&self, event_loop: &Bound<'_, LoopCore>, known: &[Known], method: Method) -> bool {
        let Some(own) = own_names(event_loop) else { return false };
        let has = |known: &Known| own.contains(&known.name).unwrap_or(true);
        let version = dictionary::version_of(&own);
        if version == 0 {
            return known.get(method as usize).is_none_or(has);
        }
        if version != self.own_version.load(Ordering::Relaxed) {
            let bits = known
                .iter()
                .enumerate()
                .fold(0, |bits, (bit, known)| bits | u32::from(has(known)) << bit);
            self.own.store(bits, Ordering::Relaxed);
            self.own_version.store(version, Ordering::Relaxed);
        }
        self.own.load(Ordering::Relaxed) & (1 << method as u32) != 0
    }
}

fn version_of(event_loop: &Bound<'_, LoopCore>) -> u32 {
    // SAFETY: attached; the class of a live object is alive, and the field is only read.
    unsafe { (*ffi::Py_TYPE(event_loop.as_ptr())).tp_version_tag }
}

/// The instance's dictionary, if it has one.
///
/// It is read where it lies: to ask for it costs as much as to look into it.
fn own_names<'py>(event_loop: &Bound<'py, LoopCore>) -> Option<Bound<'py, PyDict>> {
    let py = event_loop.py();
    // SAFETY: attached. A positive offset is where instances keep their dictionary, or null before they have
    // one; else the function returns a new reference to it, or null with an exception set.
    unsafe {
        let object = event_loop.as_ptr();
        let offset = (*ffi::Py_TYPE(object)).tp_dictoffset;
        let own = if offset > 0 {
            Bound::from_borrowed_ptr_or_opt(py, *slot(object, offset))
        } else {
            let own = ffi::PyObject_GenericGetDict(object, std::ptr::null_mut());
            Bound::from_owned_ptr_or_opt(py, own)
        };
        if own.is_none() {
            drop(PyErr::take(py));
        }
        own.and_then(|own| own.cast_into::<PyDict>().ok())
    }
}
