//! What is held, and who waits until nothing is: a scope waits so for its tasks.
//!
//! ```text
//!              hold()                        drop of the last Hold
//!    0 held ───────────▶ n held  ───────────────────────────────────▶ 0 held
//!                          │ ▲                                          │ wakes
//!                          └─┘ hold(), drop                             ▼
//!                                                                     the waiter
//! ```
//!
//! Any thread may hold and let go. One waits, and whoever waits may hold meanwhile only through what is held: from
//! zero it does not rise while somebody waits.

use std::task::{Context, Poll, Waker};

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, lock};

/// How many are held, and who waits.
pub struct Held {
    count: AtomicUsize,
    waits: Mutex<Option<Waker>>,
}

impl Default for Held {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), waits: Mutex::new(None) }
    }
}

impl Held {
    /// Hold one more.
    #[must_use = "it is let go of when it is dropped"]
    pub fn hold(held: &Arc<Self>) -> Hold {
        // ORDERING: Relaxed: who holds is not waiting yet, or another one is held, so zero is not read.
        held.count.fetch_add(1, Ordering::Relaxed);
        Hold(Arc::clone(held))
    }

    /// Ready when nothing is held; what those who let go did before is seen then.
    pub fn poll_none(&self, context: &mut Context<'_>) -> Poll<()> {
        // The waker first: who lets go of the last one after the look below finds it. The lock orders the two.
        let before = lock(&self.waits).replace(context.waker().clone());
        drop(before);
        // ORDERING: Acquire pairs with the Release in `Hold`.
        if self.count.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// One that is held.
pub struct Hold(Arc<Held>);

impl Drop for Hold {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire in `poll_none`; AcqRel, so that the last one brings what all
        // others did.
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waits = lock(&self.0.waits).take();
            if let Some(waits) = waits {
                waits.wake();
            }
        }
    }
}
