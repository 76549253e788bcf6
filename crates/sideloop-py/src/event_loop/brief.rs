//! Brief readers and writers, which are taken away as soon as they have run: those of `sock_recv` and its kind.
//!
//! The kernel is told of each for one event (`EPOLLONESHOT`). After that the registration is asleep, and need not be
//! taken out before the next call changes it for another event: one system call for each wait instead of two.
//!
//! ```text
//!                 add: ADD             the kernel tells
//!   (not there) ───────────▶ Armed ───────────────────▶ Told
//!        ▲                   │   ▲                      │ │
//!        │ remove: DEL       │   │ it waits on: MOD     │ │ remove
//!        └───────────────────┘   ├──────────────────────┘ ▼
//!                                └────────────────── Resting
//!                                        add: MOD
//! ```
//!
//! A file that rests may be closed, and its number be another file's: the kernel has no registration of that then, says
//! so, and it is added. Nothing can wake the loop for one that rests, whoever else has the file open. That is why it is
//! not edge-triggered, which would save the other system call, too: a file that is closed here and open in a child, or
//! was sent to another process, would wake this loop whenever something comes for it, and could not be taken out.
//!
//! Any other reader or writer of the same file ends that: it is watched in the usual way then.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use rustc_hash::FxHashMap;

use super::core::LoopCore;
use super::files::{Key, Side};
use super::handle;
use super::overrides::Method;
use crate::python::names::names;
use crate::system::Watch;
use crate::system::poller::Ready;

/// Where a brief registration is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Brief {
    /// With the kernel, which will tell. The selector's map has a key of it.
    Armed,
    /// The kernel has told, and tells no more. The map has a key of it still.
    Told,
    /// With the kernel, which does not look at it. The map has nothing of it.
    Resting,
}

/// The files of which the kernel has a brief registration.
#[derive(Default)]
pub(super) struct Briefs {
    all: FxHashMap<i32, Brief>,
    /// Told since the last look at who waits on.
    told: Vec<i32>,
}

impl Briefs {
    pub(super) fn find(&self, fd: i32) -> Option<Brief> {
        self.all.get(&fd).copied()
    }

    /// It is watched in this way from now on.
    pub(super) fn set_watched(&mut self, fd: i32, watch: Watch) {
        match watch {
            Watch::Once => self.all.insert(fd, Brief::Armed),
            Watch::Always => self.all.remove(&fd),
        };
    }

    /// Whether the registration may stay with the kernel where the last of its callbacks is removed.
    pub(super) fn rests_when_removed(&mut self, fd: i32) -> bool {
        match self.all.get_mut(&fd) {
            Some(brief @ Brief::Told) => {
                *brief = Brief::Resting;
                true
            }
            Some(Brief::Armed | Brief::Resting) => {
                self.all.remove(&fd);
                false
            }
            None => false,
        }
    }

    fn note_told(&mut self, fd: i32) {
        if let Some(brief @ Brief::Armed) = self.all.get_mut(&fd) {
            *brief = Brief::Told;
            self.told.push(fd);
        }
    }
}

/// Whose readers and writers are brief: asyncio's functions, and ours.
struct Known {
    method: Py<PyType>,
    functions: Vec<Py<PyAny>>,
    own: Vec<Py<PyAny>>,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

const NAMES: [&str; 8] = [
    "_sock_recv",
    "_sock_recv_into",
    "_sock_recvfrom",
    "_sock_recvfrom_into",
    "_sock_sendall",
    "_sock_sendto",
    "_sock_connect_cb",
    "_sock_accept",
];

/// Look up asyncio's functions, as they are before anybody has changed them, and know `own` as others. Each of them
/// has for its first argument the future of who waits.
///
/// # Errors
/// What importing asyncio raises.
pub(crate) fn know_brief(py: Python<'_>, own: Vec<Py<PyAny>>) -> PyResult<()> {
    let class = py.import("asyncio.selector_events")?.getattr("BaseSelectorEventLoop")?;
    // Not in each version.
    let found = NAMES.iter().filter_map(|name| class.getattr(*name).ok());
    let functions = found.map(Bound::unbind).collect();
    let method = py.import("types")?.getattr("MethodType")?.cast_into::<PyType>()?.unbind();
    let _ = KNOWN.set(Known { method, functions, own });
    Ok(())
}

fn is_known(callback: &Bound<'_, PyAny>) -> bool {
    let Some(known) = KNOWN.get() else { return false };
    if !callback.get_type().is(&known.method) {
        return known.own.iter().any(|own| callback.is(own));
    }
    let function = callback.getattr(names(callback.py()).function.bind(callback.py()));
    function.is_ok_and(|function| known.functions.iter().any(|one| one.is(&function)))
}

/// Whether whoever waits by this handle waits on.
fn waits(callback: &Bound<'_, PyAny>) -> PyResult<bool> {
    if callback.is_none() || handle::is_cancelled(callback)? {
        return Ok(false);
    }
    let args = callback.getattr(names(callback.py()).args.bind(callback.py()))?;
    let Some(future) = args.cast::<PyTuple>().ok().and_then(|args| args.get_item(0).ok()) else {
        return Ok(true);
    };
    Ok(!future.call_method0(names(future.py()).done.bind(future.py()))?.is_truthy()?)
}

impl LoopCore {
    /// Which way this callback is watched, if it is the only one of its file.
    pub(super) fn watch_for(slf: &Bound<'_, Self>, callback: &Bound<'_, PyAny>) -> Watch {
        // Whoever turns the loop in another way does not know whom to tell again.
        if slf.get().has_briefs() && is_known(callback) && Self::keeps(slf, Method::RunOnce) {
            Watch::Once
        } else {
            Watch::Always
        }
    }

    /// The kernel has told of these files.
    pub(super) fn note_told(&self, py: Python<'_>, found: &[Ready]) {
        if self.has_briefs() {
            self.briefs
                .with(py, |briefs| found.iter().for_each(|ready| briefs.note_told(ready.fd)));
        }
    }

    /// Before the kernel is asked: have it tell again of those who were told and wait on.
    pub(super) fn rearm(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, core) = (slf.py(), slf.get());
        if !core.has_briefs() {
            return Ok(());
        }
        let told = core.briefs.with(py, |briefs| std::mem::take(&mut briefs.told));
        let (Some(keys), Some(poller)) = (core.keys(py), core.poller()) else { return Ok(()) };
        for fd in told {
            let Some(key) = keys.get_item(fd)? else { continue };
            let key = Key::read(&key)?;
            let side = if key.events == Side::Reader.bit() { Side::Reader } else { Side::Writer };
            let still_told =
                |core: &Self| core.briefs.with(py, |briefs| briefs.find(fd)) == Some(Brief::Told);
            if !still_told(core) || !waits(&key.callback(side)?)? || !still_told(core) {
                continue;
            }
            // It may be closed: nobody is told of that then, as in the usual way.
            let _ = poller.change(fd, key.events, Watch::Once);
            core.briefs.with(py, |briefs| briefs.set_watched(fd, Watch::Once));
        }
        Ok(())
    }

    /// Have the kernel know nothing that the selector does not: somebody else will change what it knows.
    pub(super) fn end_briefs(&self, py: Python<'_>) {
        if !self.has_briefs() {
            return;
        }
        let briefs = self.briefs.with(py, std::mem::take);
        // In a fork's child it is the parent's.
        let Some(poller) = self.poller().filter(|_| !self.orphaned()) else { return };
        for (fd, brief) in briefs.all {
            let events = self.events_of(py, fd);
            match (brief, events) {
                (Brief::Armed | Brief::Told, Some(events)) => {
                    let _ = poller.change(fd, events, Watch::Always);
                }
                (Brief::Resting, _) | (_, None) => {
                    let _ = poller.forget(fd);
                }
            }
        }
    }

    /// The kernel's object is gone, or another one's.
    pub(super) fn forget_briefs(&self, py: Python<'_>) {
        let before = self.briefs.with(py, std::mem::take);
        drop(before);
    }

    fn events_of(&self, py: Python<'_>, fd: i32) -> Option<u32> {
        let key = self.keys(py)?.get_item(fd).ok()??;
        Key::read(&key).ok().map(|key| key.events)
    }
}
