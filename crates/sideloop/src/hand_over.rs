//! Hand a worker's duties to another thread, with tokio's `block_in_place`, and wait.
//!
//! It panics before it calls what it is given where this thread is no worker's, and where the system
//! refuses a thread. Both panics are caught here, so they reach the program's hook and nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use tokio::runtime::Handle;
use tokio::task;

use crate::place::{Rhythm, Wait, Waited};

#[must_use]
pub(crate) enum Asked {
    /// It was let pass, and this is what the wait came to.
    Waited(Waited),
    /// This thread is no worker of a multi-thread runtime.
    Refused,
    /// It is one, and the system had no thread to go on for it. The duties are laid down; whichever thread
    /// that runtime starts next takes them up, or this one when it returns.
    NoThread,
}

pub(crate) fn ask(rhythm: Rhythm, wait: Wait<'_>) -> Asked {
    let mut begins = Some(rhythm);
    let mut waited = None;
    let mut take = || waited = begins.take().map(&mut *wait);
    // Unwind safe: a panic of the user's goes on below.
    let asked = catch_unwind(AssertUnwindSafe(|| task::block_in_place(&mut take)));
    match (asked, waited) {
        (Ok(()), Some(waited)) => Asked::Waited(waited),
        (Err(panic), _) if begins.is_none() => resume_unwind(panic),
        (Err(panic), _) if is_refusal(&*panic) => Asked::Refused,
        (Err(_) | Ok(()), _) => Asked::NoThread,
    }
}

/// Whether tokio says that this is no place for `block_in_place`.
fn is_refusal(panic: &(dyn Any + Send)) -> bool {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    said.is_some_and(|said| said.contains("can call blocking only"))
}

/// See that a thread takes up what a worker had to lay down, if one can be had now.
pub(crate) fn seek(runtime: &Handle) -> bool {
    // The system is asked first: where it refuses, tokio panics.
    let Ok(thread) = thread::Builder::new().spawn(|| {}) else { return false };
    let _ = thread.join();
    // A new thread begins with what has waited longest.
    catch_unwind(AssertUnwindSafe(|| drop(runtime.spawn_blocking(|| {})))).is_ok()
}
