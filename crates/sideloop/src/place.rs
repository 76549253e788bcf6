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
//!   a task. We do, so we keep in mind that we did ([`TICKING`]). Somebody else did if worker 0 of that
//!   other runtime is seen to be elsewhere (`doubt.rs`). Only then is `block_in_place` itself asked, which
//!   refuses by a panic before it calls anything (`hand_over.rs`); where a panic ends the program, it is
//!   not asked, and the call looks on a tick.
//!
//! Does not work: a panic hook around that question. The hook belongs to the program.

use std::cell::Cell;

use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio::task;

use crate::builder::BlockInPlace;
use crate::doubt::{self, Answer, Doubt};
use crate::error::Refusal;
use crate::hand_over::{self, Asked};

/// Whether `block_in_place` may be asked where it may refuse.
const MAY_ASK: bool = cfg!(not(panic = "abort"));

thread_local! {
    /// Whether a call on this thread looks on a tick. What is nested in it stands where it stands.
    /// Without a destructor.
    static TICKING: Cell<bool> = const { Cell::new(false) };
}

/// How a call hears of wakes.
#[derive(Debug)]
pub(crate) enum Rhythm {
    /// Each wake rings the caller's bell.
    Rings,
    /// As above; but the worker's duties wait for a thread, which the system refused: try again.
    Seeks(Handle),
    /// Some wakes come only when the caller has returned: look on a tick as well. If there is a doubt
    /// about the place, look into it.
    Ticks(Option<Doubt>),
}

/// What a wait under one rhythm came to.
#[must_use]
#[derive(Debug)]
pub(crate) enum Waited {
    /// The call has ended.
    Ended(Result<(), Refusal>),
    /// The doubt was right: go on elsewhere.
    Misplaced,
}

impl Waited {
    /// The end, where nothing was left to doubt: handed over, refused for certain, or free to begin with.
    #[inline]
    pub(crate) fn ended(self) -> Result<(), Refusal> {
        match self {
            Self::Ended(ended) => ended,
            Self::Misplaced => unreachable!("it was asked"),
        }
    }
}

/// Waits under the rhythm that it is given. Called again after [`Waited::Misplaced`].
pub(crate) type Wait<'a> = &'a mut dyn FnMut(Rhythm) -> Waited;

#[derive(Debug)]
enum Place {
    Free,
    Worker,
    Borrowed(Option<Doubt>),
}

fn here() -> Place {
    let Some(index) = runtime::worker_index() else {
        return Place::Free;
    };
    if TICKING.get() {
        return Place::Borrowed(None);
    }
    if index > 0 {
        return Place::Worker;
    }
    match Handle::try_current() {
        Ok(entered) if task::try_id().is_some() => on_worker_0(entered),
        Ok(_) | Err(_) => Place::Borrowed(None),
    }
}

/// In a task, on worker 0 of a runtime, which is that of the entered handle or another one.
fn on_worker_0(entered: Handle) -> Place {
    let looks_free = entered.runtime_flavor() != RuntimeFlavor::CurrentThread;
    match (doubt::recall(&entered), doubt::is_elsewhere(&entered)) {
        // It was asked when that handle was entered over a current_thread runtime.
        (Some(Answer::Refused), true) => Place::Borrowed(None),
        (Some(Answer::Refused), false) => Place::Borrowed(Some(Doubt::new(entered))),
        (Some(Answer::Own), false) => Place::Borrowed(None),
        (None | Some(Answer::Own), true) if MAY_ASK => Place::Worker,
        (None | Some(Answer::Own), true) => Place::Borrowed(None),
        (None, false) if looks_free => Place::Worker,
        (None, false) => Place::Borrowed(Some(Doubt::new(entered))),
    }
}

/// Whether no scheduler stands above this thread's frames: nothing to hand over, and no wake is deferred.
#[inline]
pub(crate) fn is_free() -> bool {
    runtime::worker_index().is_none()
}

/// Block in `wait`, after handing over what others wait for.
pub(crate) fn block(block_in_place: BlockInPlace, wait: Wait<'_>) -> Result<(), Refusal> {
    let waited = match (here(), block_in_place) {
        (Place::Free, _) => wait(Rhythm::Rings),
        (Place::Worker, BlockInPlace::WhereNeeded) => hand_over(wait),
        (Place::Worker, BlockInPlace::Never) => tick(None, wait),
        (Place::Borrowed(_), BlockInPlace::Never) => tick(None, wait),
        (Place::Borrowed(doubt), BlockInPlace::WhereNeeded) => tick(doubt, wait),
    };
    let waited = match waited {
        Waited::Misplaced => hand_over(wait),
        ended @ Waited::Ended(_) => ended,
    };
    waited.ended()
}

fn tick(doubt: Option<Doubt>, wait: Wait<'_>) -> Waited {
    struct Reset(bool);

    impl Drop for Reset {
        fn drop(&mut self) {
            TICKING.set(self.0);
        }
    }

    let doubt = doubt.filter(|_| MAY_ASK);
    let _reset = Reset(TICKING.replace(true));
    wait(Rhythm::Ticks(doubt))
}

fn hand_over(wait: Wait<'_>) -> Waited {
    match hand_over::ask(Rhythm::Rings, wait) {
        Asked::Waited(waited) => waited,
        Asked::Refused => {
            if let Ok(entered) = Handle::try_current() {
                doubt::remember(&entered, Answer::Refused);
            }
            tick(None, wait)
        }
        // The worker's duties lie ready, but for a thread. Asked again there is nothing to hand over.
        Asked::NoThread => {
            let rhythm = Handle::try_current().map_or(Rhythm::Rings, Rhythm::Seeks);
            match hand_over::ask(rhythm, wait) {
                Asked::Waited(waited) => waited,
                Asked::Refused | Asked::NoThread => tick(None, wait),
            }
        }
    }
}
