//! State that only attached threads touch.
//!
//! Where CPython has the interpreter lock, that is lock enough. A lock of its own would cost a callback a twentieth of
//! its time, four times over (`benches/loop.py`), so there is none. Where it has none, each such state has a mutex.
//!
//! Why a mutex is enough, and does not deadlock: whoever holds it is attached, and runs no Python code, waits for nothing
//! and stays attached until it lets go. So a thread that waits for it, attached as well, waits for a few instructions of
//! another one; whoever stops all threads (the collector, a fork) finds none that holds it; and a fork's child inherits it
//! unlocked. Of two that are held at once, the outer one is: who waits for whom (`model/waits.rs`), before a runner's
//! calls, before a call. All others are held alone.

#[cfg(not(Py_GIL_DISABLED))]
use std::cell::RefCell;
#[cfg(Py_GIL_DISABLED)]
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

#[cfg(Py_GIL_DISABLED)]
use super::lock::lock;

/// State for whoever is attached.
#[cfg(not(Py_GIL_DISABLED))]
#[derive(Default)]
pub(crate) struct Attached<T>(RefCell<T>);

// SAFETY: `with` asks for the proof that the calling thread is attached, one thread is at a time, and none
// lets go of the interpreter in between: what `inside` does is short and runs no Python code.
#[cfg(not(Py_GIL_DISABLED))]
unsafe impl<T: Send> Sync for Attached<T> {}

#[cfg(not(Py_GIL_DISABLED))]
impl<T> Attached<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(RefCell::new(state))
    }

    /// Look at the state, or change it. `inside` runs no Python code and drops no Python object, which would:
    /// such code may come back here.
    pub(crate) fn with<R>(&self, _: Python<'_>, inside: impl FnOnce(&mut T) -> R) -> R {
        inside(&mut self.0.borrow_mut())
    }

    /// For the collector, which is attached, and visits without taking part.
    pub(crate) fn traverse<R>(&self, visit: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.try_borrow().ok().map(|state| visit(&state))
    }
}

/// State for whoever is attached.
#[cfg(Py_GIL_DISABLED)]
#[derive(Default)]
pub(crate) struct Attached<T>(Mutex<T>);

#[cfg(Py_GIL_DISABLED)]
impl<T> Attached<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(Mutex::new(state))
    }

    /// Look at the state, or change it. `inside` runs no Python code and drops no Python object, which would:
    /// such code may come back here.
    pub(crate) fn with<R>(&self, _: Python<'_>, inside: impl FnOnce(&mut T) -> R) -> R {
        inside(&mut lock(&self.0))
    }

    /// For the collector, which has stopped all other threads, none of them in `with`.
    pub(crate) fn traverse<R>(&self, visit: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.try_lock().ok().map(|state| visit(&state))
    }
}

/// A number that only grows, counted by whoever is attached.
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Returns what it is now.
    // ORDERING: Relaxed: accounts, from which nothing else is concluded.
    #[cfg(not(Py_GIL_DISABLED))]
    pub(crate) fn add(&self, more: u64) -> u64 {
        // Not `fetch_add`, which costs as much as a lock: all who count are attached, one at a time.
        let sum = self.get().wrapping_add(more);
        self.0.store(sum, Ordering::Relaxed);
        sum
    }

    /// Returns what it is now.
    // ORDERING: Relaxed: as above.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed).wrapping_add(more)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Async-signal-safe, for a fork's child.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
