//! The entry queue: messages on their way into a loop, and the agreement on who wakes whom.
//!
//! ```text
//!             prepare_sleep(), queue empty
//!     Awake ───────────────────────────────▶ Asleep
//!       ▲   ◀───────────────────────────────   │
//!       │        push(): the pusher wakes      │
//!       └──────────────────────────────────────┘
//!                 take(): woke by itself
//! ```
//!
//! Asleep means: the loop thread has looked, found nothing, and will not look again until its bell
//! rings. The flag lives under the queue's lock, so a push and the last look cannot miss each other;
//! whoever turns Asleep to Awake owns the one ring of the bell.
//!
//! Does not work: the flag as an atomic beside the lock. It takes sequential consistency on four
//! accesses to be right, loom cannot check that, and the lock is taken anyway.

use std::collections::VecDeque;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock};

/// What a push found, that is, what the pusher must do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// The loop thread sleeps: ring its bell, exactly once.
    Wake,
    /// The loop thread is awake and will look again before it sleeps. Nothing to do.
    Awake,
}

/// What the last look before sleeping found.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Nothing came: sleep. The next push rings the bell.
    Sleep,
    /// Something came: take it instead.
    Stay,
}

/// The queue is closed; the message comes back to the one who pushed it.
#[derive(Debug)]
pub struct Closed<M>(pub M);

struct State<M> {
    messages: VecDeque<M>,
    asleep: bool,
    knocked: bool,
    open: bool,
}

/// An unbounded queue with many pushers and one loop thread that takes.
pub struct Entry<M> {
    state: Mutex<State<M>>,
    /// Only a hint, for a look without the lock.
    filled: AtomicBool,
}

impl<M> Default for Entry<M> {
    fn default() -> Self {
        let state = State { messages: VecDeque::new(), asleep: false, knocked: false, open: true };
        Self { state: Mutex::new(state), filled: AtomicBool::new(false) }
    }
}

impl<M> Entry<M> {
    /// Append a message.
    ///
    /// # Errors
    /// [`Closed`] with the message, once [`Entry::close`] was called.
    pub fn push(&self, message: M) -> Result<Push, Closed<M>> {
        let mut state = lock(&self.state);
        if !state.open {
            return Err(Closed(message));
        }
        state.messages.push_back(message);
        // ORDERING: Relaxed, a hint; what was pushed is published by the lock.
        self.filled.store(true, Ordering::Relaxed);
        if std::mem::take(&mut state.asleep) { Ok(Push::Wake) } else { Ok(Push::Awake) }
    }

    /// Have the loop thread look around before it sleeps, without a message.
    pub fn knock(&self) -> Push {
        let mut state = lock(&self.state);
        state.knocked = true;
        self.filled.store(true, Ordering::Relaxed);
        if std::mem::take(&mut state.asleep) { Push::Wake } else { Push::Awake }
    }

    /// Whether a look may be worth the lock. May lag behind a push; never decides a sleep.
    #[must_use]
    pub fn looks_filled(&self) -> bool {
        self.filled.load(Ordering::Relaxed)
    }

    /// Move all messages to the end of `batch`; the loop thread counts as awake from here on.
    pub fn take(&self, batch: &mut VecDeque<M>) {
        let mut state = lock(&self.state);
        state.asleep = false;
        state.knocked = false;
        self.filled.store(false, Ordering::Relaxed);
        batch.append(&mut state.messages);
    }

    /// The loop thread's last look before it sleeps.
    pub fn prepare_sleep(&self) -> Sleep {
        let mut state = lock(&self.state);
        if state.messages.is_empty() && !std::mem::take(&mut state.knocked) {
            state.asleep = true;
            Sleep::Sleep
        } else {
            Sleep::Stay
        }
    }

    /// Take no more messages, and hand out those that nobody took. Idempotent.
    #[must_use = "each message left over belongs to somebody who waits"]
    pub fn close(&self) -> VecDeque<M> {
        let mut state = lock(&self.state);
        state.open = false;
        std::mem::take(&mut state.messages)
    }
}
