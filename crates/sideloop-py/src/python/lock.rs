//! Locks that attached threads take.
//!
//! A thread that holds one neither runs Python code nor waits for the interpreter: else it could be kept from
//! going on by a thread that waits, attached, for this very lock, or come back here itself. Python code is also
//! the making of an exception, the dropping of an object, and, since the collector may come, the making of one.
//! So what a guard gives is taken out, and the guard let go of, before anything is done with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lock, also after a panic elsewhere: every critical section here leaves its data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
