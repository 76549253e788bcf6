//! Where the calling thread stands, and so how it may block.
//!
//! ```text
//!                 in no runtime, on its    on a worker thread of    inside a current_thread runtime,
//!                 blocking threads, at the  a multi-thread runtime   task or root, LocalSet or not
//!                 root of a multi-thread
//!                 one, LocalSet or not
//! place           Free                      Worker                   Borrowed
//! others wait     no                        yes: hand them over      yes, nothing can be done
//! `yield_now`     wakes at once             wakes at once, after     is deferred until the thread
//!                                           the hand-over            returns: look on a tick
//! ```
//!
//! tokio has no public question for this. What it has:
//! - `worker_index()` is `None` exactly where no scheduler would take our deferred wakes; that includes
//!   the root of a multi-thread runtime with a `LocalSet`, where `block_in_place` panics and is not needed.
//! - Only multi-thread runtimes have a worker of an index above 0; only `current_thread` ones run code
//!   outside of a task.
//! - The current handle tells the flavour, unless somebody has entered another runtime's handle inside
//!   a task. We do, so we keep in mind that we did ([`TICKING`]). If somebody else did and the index is
//!   0, `block_in_place` itself is asked: it refuses by a panic before it calls anything, which is caught,
//!   and kept in mind for this runtime and thread ([`REFUSED`]).
//!
//! Does not work: a panic hook around that question. The hook belongs to the program.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio::task;

use crate::builder::BlockInPlace;

thread_local! {
    // Both without a destructor.
    /// Whether a call on this thread looks on a tick. What is nested in it stands where it stands.
    static TICKING: Cell<bool> = const { Cell::new(false) };

    /// The runtime entered last when `block_in_place` refused on this thread.
    static REFUSED: Cell<Option<runtime::Id>> = const { Cell::new(None) };
}

/// How a call hears of wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Each wake rings the caller's bell.
    Rings,
    /// Some wakes come only when the caller has returned: look on a tick as well.
    Ticks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Worker,
    Borrowed,
}

fn here() -> Place {
    let Some(index) = runtime::worker_index() else {
        return Place::Free;
    };
    if TICKING.get() {
        return Place::Borrowed;
    }
    if index > 0 {
        return Place::Worker;
    }
    match Handle::try_current() {
        Ok(entered)
            if task::try_id().is_some()
                && entered.runtime_flavor() != RuntimeFlavor::CurrentThread
                && REFUSED.get() != Some(entered.id()) =>
        {
            Place::Worker
        }
        Ok(_) | Err(_) => Place::Borrowed,
    }
}

/// Block in `wait`, after handing over what others wait for.
pub(crate) fn block<T>(block_in_place: BlockInPlace, wait: impl FnOnce(Rhythm) -> T) -> T {
    match (here(), block_in_place) {
        (Place::Free, _) => wait(Rhythm::Rings),
        (Place::Worker, BlockInPlace::WhereNeeded) => hand_over(wait),
        (Place::Worker, BlockInPlace::Never) | (Place::Borrowed, _) => tick(wait),
    }
}

fn tick<T>(wait: impl FnOnce(Rhythm) -> T) -> T {
    struct Reset(bool);

    impl Drop for Reset {
        fn drop(&mut self) {
            TICKING.set(self.0);
        }
    }

    let _reset = Reset(TICKING.replace(true));
    wait(Rhythm::Ticks)
}

fn hand_over<T>(wait: impl FnOnce(Rhythm) -> T) -> T {
    let mut waiting = Some(wait);
    let take = || waiting.take().map(|wait| wait(Rhythm::Rings));
    // Unwind safe: a panic of the user's goes on below.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| task::block_in_place(take)));
    match (ended, waiting) {
        (Err(_refused), Some(wait)) => {
            REFUSED.set(Handle::try_current().ok().map(|entered| entered.id()));
            tick(wait)
        }
        (Err(panic), None) => panic::resume_unwind(panic),
        (Ok(Some(output)), _) => output,
        (Ok(None), _) => unreachable!("block_in_place calls what it is given once"),
    }
}
