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
use pyo3::types::{PyDict, PyString, PyType};

use super::core::LoopCore;
use crate::python::dictionary::{Own, own_of};
use crate::python::slots::version_of_class;
use crate::python::versions::{Asked, version_for};

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
    MakeSocketTransport,
    AcceptConnection,
    MakeAccepted,
    EnsureResolved,
    ConnectSock,
    SockConnect,
    MakeConnected,
    SockRecv,
    TimerHandleCancelled,
}

impl Method {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

const NAMES: [&str; 17] = [
    "time",
    "call_at",
    "call_soon",
    "create_task",
    "_run_once",
    "_process_events",
    "_add_callback",
    "_write_to_self",
    "_make_socket_transport",
    "_accept_connection",
    "_accept_connection2",
    "_ensure_resolved",
    "_connect_sock",
    "sock_connect",
    "_create_connection_transport",
    "_sock_recv",
    "_timer_handle_cancelled",
];

/// A method as we know it.
struct Known {
    name: Py<PyString>,
    ours: Py<PyAny>,
}

static KNOWN: PyOnceLock<(Vec<Known>, Asked)> = PyOnceLock::new();

/// Look up the methods of `EventLoop` as they are before anybody has changed them. Once, when the class is made.
///
/// # Errors
/// `AttributeError`, which none has been.
#[pyfunction]
#[pyo3(signature = (class_, /))]
pub(crate) fn know_methods(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class_.py();
    let known = NAMES.iter().map(|name| {
        let ours = class_.getattr(*name)?.unbind();
        Ok(Known { name: PyString::intern(py, name).unbind(), ours })
    });
    let known = known.collect::<PyResult<Vec<_>>>()?;
    let asked = Asked::new(py, known.iter().map(|known| &known.name))?;
    let _ = KNOWN.set(py, (known, asked));
    Ok(())
}

/// What was found in a loop's class, and in the loop: one bit for each method, set if it is not ours.
#[derive(Default)]
pub(super) struct Overrides {
    // ORDERING: Relaxed: read and written attached.
    /// The version of the class that was looked at, 0 if there is none, and below it what was found.
    looked: AtomicU64,
    /// The version of the loop's own dictionary that was looked at; 0 if there was no dictionary.
    own_version: AtomicU64,
    own: AtomicU32,
}

impl LoopCore {
    /// Whether a method is the one we know, in the class and in the instance, now.
    #[inline]
    pub(super) fn keeps(slf: &Bound<'_, Self>, method: Method) -> bool {
        let found = &slf.get().overrides;
        let changed = match found.of_class(version_of_class(slf)) {
            Some(changed) => changed,
            None => found.look_at_class(slf),
        };
        let own = match own_version(slf) {
            Some(version) if version == found.own_version.load(Ordering::Relaxed) => {
                found.own.load(Ordering::Relaxed)
            }
            Some(version) => found.look_at_own(slf, version),
            None => look_for_own(slf, method),
        };
        (changed | own) & method.bit() == 0
    }
}

impl LoopCore {
    /// Whether a connection that has come in may be made of its socket without asyncio's methods.
    pub(crate) fn accepts_plainly(slf: &Bound<'_, Self>) -> bool {
        // asyncio makes each in a task of its own, which a factory may want to see.
        Self::makes_tasks_plainly(slf)
            && Self::keeps(slf, Method::AcceptConnection)
            && Self::keeps(slf, Method::MakeAccepted)
            && Self::keeps(slf, Method::MakeSocketTransport)
    }

    /// Whether a socket may be read from without asyncio's methods.
    pub(crate) fn receives_plainly(slf: &Bound<'_, Self>) -> bool {
        !slf.get().is_debug() && Self::keeps(slf, Method::SockRecv)
    }

    /// Whether a socket may be connected without asyncio's methods.
    pub(crate) fn connects_plainly(slf: &Bound<'_, Self>) -> bool {
        !slf.get().is_debug()
            && Self::keeps(slf, Method::EnsureResolved)
            && Self::keeps(slf, Method::ConnectSock)
            && Self::keeps(slf, Method::SockConnect)
            && Self::keeps(slf, Method::MakeConnected)
            && Self::keeps(slf, Method::MakeSocketTransport)
    }
}

impl Overrides {
    /// What was found in the class, if it had this version.
    #[inline]
    fn of_class(&self, version: u32) -> Option<u32> {
        let looked = self.looked.load(Ordering::Relaxed);
        (version != 0 && (looked >> 32) as u32 == version).then_some(looked as u32)
    }

    #[cold]
    fn look_at_class(&self, event_loop: &Bound<'_, LoopCore>) -> u32 {
        let Some((known, _)) = KNOWN.get(event_loop.py()) else { return u32::MAX };
        let class = event_loop.get_type();
        let look = |known: &Known| class.getattr(&known.name).is_ok_and(|own| own.is(&known.ours));
        // A look gives a class its version. It may run code of a metaclass, so the version is read before the
        // looks that count, and after.
        let _ = class.getattr(&known[0].name);
        let version = version_of_class(event_loop);
        let changed = bits(known, |known| !look(known));
        let unchanged = version_of_class(event_loop) == version;
        let version = if unchanged { version } else { 0 };
        self.looked.store(u64::from(version) << 32 | u64::from(changed), Ordering::Relaxed);
        changed
    }

    /// Look at what the instance itself has, whose dictionary has this version.
    #[cold]
    fn look_at_own(&self, event_loop: &Bound<'_, LoopCore>, version: u64) -> u32 {
        let Some((known, _)) = KNOWN.get(event_loop.py()) else { return u32::MAX };
        let own = own_names(event_loop)
            .map_or(0, |names| bits(known, |known| names.contains(&known.name).unwrap_or(true)));
        self.own.store(own, Ordering::Relaxed);
        self.own_version.store(version, Ordering::Relaxed);
        own
    }
}

/// The bit of this method, if the instance itself has one of its name. Where no versions of dictionaries are kept.
fn look_for_own(event_loop: &Bound<'_, LoopCore>, method: Method) -> u32 {
    let Some((known, _)) = KNOWN.get(event_loop.py()) else { return u32::MAX };
    let is_own = |names: Bound<'_, PyDict>| {
        known.get(method as usize).is_none_or(|known| names.contains(&known.name).unwrap_or(true))
    };
    if own_names(event_loop).is_some_and(is_own) { method.bit() } else { 0 }
}

fn bits(known: &[Known], is_set: impl Fn(&Known) -> bool) -> u32 {
    known.iter().enumerate().fold(0, |bits, (bit, known)| bits | u32::from(is_set(known)) << bit)
}

/// The version of the instance's dictionary, 0 if it has none yet; None where that cannot be told.
#[inline]
fn own_version(event_loop: &Bound<'_, LoopCore>) -> Option<u64> {
    match own_of(event_loop.as_any()) {
        Own::Here(own) => version_for(&own, &KNOWN.get(event_loop.py())?.1),
        Own::Missing => Some(0),
        Own::Unknown => None,
    }
}

/// The instance's dictionary, if it has one.
fn own_names<'py>(event_loop: &Bound<'py, LoopCore>) -> Option<Bound<'py, PyDict>> {
    let py = event_loop.py();
    // SAFETY: attached; the function returns a new reference, or null with an exception set.
    let own = unsafe {
        let own = ffi::PyObject_GenericGetDict(event_loop.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, own)
    };
    own.ok()?.cast_into::<PyDict>().ok()
}
