//! The hand-off: tells one waiting thread, once, that its outcome is there, and before that, as often as
//! need be, that something else is to be done.
//!
//! ```text
//!            park()              complete(), or the completer is dropped
//!   Empty ──────────▶ Parked ─────────────────────────────────────────────▶ Done | Gone   final
//!    ▲ │                │                                                     ▲
//!    │ ├────────────────┼─────────────────────────────────────────────────────┤
//!    │ │ knock()        │ knock()                                             │
//!    │ └──▶ Knocked ◀───┘                                                     │
//!    │ hear() │ │                                                             │
//!    └────────┘ └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! Empty, Parked and Knocked belong to both ends, Done and Gone to the waiter alone. The outcome itself
//! does not travel here: it lies in the call, written before `complete`, so that a completer can run while
//! detached from the interpreter and never touches a Python object. Nor does what a knock is for: it lies
//! there, too, put before `knock`, and is looked for after `hear`.
//!
//! Does not work:
//! - `thread::park`: one token a thread, and a nested call eats the outer call's wake-up;
//! - a Python-level lock: a signal handler that itself calls `run_sync` re-enters it and deadlocks.

use std::time::Instant;

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Arc, Condvar, Mutex, lock};

const EMPTY: u8 = 0;
const PARKED: u8 = 1;
const DONE: u8 = 2;
const GONE: u8 = 3;
const KNOCKED: u8 = 4;

/// What wakes a waiter that does not park: it waits for something else as well. It only wakes: whoever knocks may hold
/// state that no code of a user's may see.
pub type Ring = Box<dyn Fn() + Send + Sync>;

struct Shared {
    state: AtomicU8,
    lock: Mutex<()>,
    wake: Condvar,
    ring: Option<Ring>,
}

impl Shared {
    fn finish(&self, state: u8) {
        // ORDERING: Release pairs with the Acquire load in `Waiter::peek`: the outcome written before
        // is seen after. Acquire: nothing is read here, AcqRel only keeps the swap's two halves.
        if self.state.swap(state, Ordering::AcqRel) == PARKED {
            self.unpark();
        }
        if let Some(ring) = &self.ring {
            ring();
        }
    }

    fn knock(&self) {
        // ORDERING: Release pairs with the Acquire in `peek` and `hear`: what the knock is for was put before. So
        // it is written also where the last one has not been heard.
        let before = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            matches!(state, EMPTY | PARKED | KNOCKED).then_some(KNOCKED)
        });
        match before {
            Ok(PARKED) => self.unpark(),
            Ok(EMPTY) => {}
            // It has not heard the last one, or needs none any more.
            Ok(_) | Err(_) => return,
        }
        if let Some(ring) = &self.ring {
            ring();
        }
    }

    /// Wake a waiter that has parked, when the new state can be seen.
    fn unpark(&self) {
        // The waiter checks the state under this lock and then waits: taking it once means that
        // it either has not checked yet (and will see the new state) or already waits.
        drop(lock(&self.lock));
        self.wake.notify_one();
    }
}

/// The end that tells. Dropped without telling, the waiter learns that nobody will.
#[must_use]
pub struct Completer(Option<Arc<Shared>>);

impl Completer {
    /// Have the waiter look for what there is to do besides, before its outcome is there.
    pub fn knock(&self) {
        if let Some(shared) = &self.0 {
            shared.knock();
        }
    }

    /// Tell the waiter that its outcome is there.
    pub fn complete(mut self) {
        if let Some(shared) = self.0.take() {
            shared.finish(DONE);
        }
    }
}

impl Drop for Completer {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.finish(GONE);
        }
    }
}

/// What a wait ended with.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The outcome is there.
    Done,
    /// The other end is gone and no outcome will come.
    Gone,
    /// Somebody has knocked: hear it, look for what there is to do, and wait again.
    Knock,
    /// The instant given has come first. Wait again, or give up by dropping the waiter.
    TimedOut,
}

/// The end that waits.
pub struct Waiter(Arc<Shared>);

impl Waiter {
    /// What is known now, without waiting; `None` while nothing is.
    pub fn peek(&self) -> Option<Wait> {
        // ORDERING: Acquire pairs with the Release in `finish` and `knock`: what was put before is seen after.
        match self.0.state.load(Ordering::Acquire) {
            DONE => Some(Wait::Done),
            GONE => Some(Wait::Gone),
            KNOCKED => Some(Wait::Knock),
            _ => None,
        }
    }

    /// The knock is heard: the next one is another. Look for what there is to do after this, not before.
    pub fn hear(&self) {
        // ORDERING: Acquire pairs with the Release in `knock`; Relaxed on failure, where nothing is heard.
        let _ = self.0.state.compare_exchange(KNOCKED, EMPTY, Ordering::Acquire, Ordering::Relaxed);
    }

    /// Block this thread until the other end tells, knocks or is gone, or until `limit`.
    pub fn park(&self, limit: Option<Instant>) -> Wait {
        // ORDERING: Acquire on failure pairs with the Release in `finish` and `knock`, as in `peek`; on
        // success nothing was published yet.
        let _ = self.0.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Acquire);
        let mut guard = lock(&self.0.lock);
        loop {
            if let Some(end) = self.peek() {
                return end;
            }
            guard = match limit {
                None => self.0.wake.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner()),
                Some(limit) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Wait::TimedOut;
                    }
                    let (guard, _) = self
                        .0
                        .wake
                        .wait_timeout(guard, left)
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    guard
                }
            };
        }
    }
}

/// A new hand-off: its two ends.
pub fn handoff() -> (Completer, Waiter) {
    ends(None)
}

/// A new hand-off whose waiter is woken by `ring`, after its end can be seen: it peeks, and does not park.
pub fn handoff_rung_by(ring: Ring) -> (Completer, Waiter) {
    ends(Some(ring))
}

fn ends(ring: Option<Ring>) -> (Completer, Waiter) {
    let shared = Arc::new(Shared {
        state: AtomicU8::new(EMPTY),
        lock: Mutex::new(()),
        wake: Condvar::new(),
        ring,
    });
    (Completer(Some(Arc::clone(&shared))), Waiter(shared))
}
