//! Where a host is: the one task in which all steps of an iterator or a context manager run.
//!
//! ```text
//!            arrive()               look()                  ended()
//!   New ───────────────▶ Awake ───────────────▶ Stepping ────────────┐ the last, or an error
//!    ▲    not_made()      │ ▲                    │   ▲               ▼
//!    └────────────────────┘ │ ended()            │   │ rescue()     Over   final
//!                         ▲ └────────────────────┘   │               ▲
//!   arrive(), refill(),   │                          │               │ end(), lost(),
//!   cancel()              └──────── Between ─────────┘               │ from anywhere; close(), from New
//!                                      ▲                             │
//!                                      └─ waits(), look()            ┘
//! ```
//!
//! - New: there is no task. The caller's thread owns all.
//! - Awake: the task is about to run, or somebody in its stead, and will look for what to do.
//! - Stepping: user code runs, or waits for what the task awaits: for a caller, ahead of one, or to be rescued.
//! - Between: the task waits. What wakes it lies here.
//! - Over: the task has ended, or ends now. What nobody has asked for yet is still to be had.
//!
//! The loop thread moves it, except for what callers do before the first step and after the last. Callers sit
//! down first, one at a time: who looks for an outcome and finds none sits in the same transition, so that the
//! loop thread knows that somebody waits, and begins nothing that nobody has asked for until he is told.
//!
//! All of it is data under a lock of the owner's. No transition drops or runs what is the owner's: it comes back
//! in the verdict, for when the lock is free.

use std::collections::VecDeque;

use crate::handoff::Completer;

mod kind;
pub use kind::Kind;

mod seat;
pub use seat::{Close, Item, Rise, Sit};

mod arrival;
pub use arrival::{Arrive, Refill};

mod look;
pub use look::{Look, Time};

mod task;
pub use task::{Ended, Made, Suspended, Throw};

mod between;
pub use between::{Cancel, Waits};

mod end;
pub use end::{Late, Left, Outlast, Rest};

mod leftover;
pub use leftover::Leftover;

/// What a host is made of.
pub trait Parts {
    /// Who asked for a step.
    type Call: Asker;
    /// What a step is to do.
    type Work;
    /// What is awaited.
    type Awaiting;
    /// Whatever else is the owner's: what the task waits for, what wakes it, how it was cancelled.
    type Object;
    /// What came of a step.
    type Outcome: Outcome;
}

/// Who asked for a step.
pub trait Asker {
    /// Whether somebody still waits for what comes of it.
    fn waits(&self) -> bool;
}

/// What came of a step.
pub trait Outcome {
    /// Whether nothing can follow.
    fn is_error(&self) -> bool;
}

/// A step, and who asked for it.
pub struct Wish<P: Parts> {
    /// Who asked.
    pub call: P::Call,
    /// What it is for.
    pub kind: Kind,
    /// What there is to do.
    pub work: P::Work,
}

/// What the host's owner keeps under its lock.
pub struct Host<P: Parts> {
    seat: Seat,
    /// How many outcomes may be made before they are asked for.
    read_ahead: usize,
    /// What nobody has asked for yet, oldest first.
    ready: VecDeque<P::Outcome>,
    place: Place<P>,
}

/// The callers' side: one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Free,
    /// Somebody sits there, and waits or is about to.
    Waiting,
    /// Somebody sits there who was told.
    Told,
}

enum Place<P: Parts> {
    New,
    Awake(Box<Life<P>>),
    Stepping(Box<Life<P>>, Step<P>),
    /// With what wakes the task; of its life only those who outlast it.
    Between(P::Object, Box<Life<P>>),
    Over,
}

/// What a task has that runs or is about to. In a box, since each transition moves it.
struct Life<P: Parts> {
    /// Steps that have not begun, in the order in which they came.
    waiting: VecDeque<Wish<P>>,
    /// What wakes the task, if somebody runs in its stead.
    instead: Option<P::Object>,
    /// How it was cancelled, which it has yet to see.
    cancelled: Option<P::Object>,
    /// Who waits for the end of it all.
    outlasting: Vec<Completer>,
}

/// What runs.
struct Step<P: Parts> {
    whose: Whose<P>,
    /// What is awaited, but while that runs.
    awaiting: Option<P::Awaiting>,
    /// What was met in the task's stead, for the task to wait for.
    met: Option<P::Object>,
}

/// Whose step it is.
enum Whose<P: Parts> {
    Caller {
        call: P::Call,
        kind: Kind,
    },
    /// Nobody's yet.
    Ahead,
    /// Nobody's: it raises a cancellation that came between two steps.
    Rescue,
}

impl<P: Parts> Life<P> {
    fn new() -> Self {
        let (waiting, outlasting) = (VecDeque::new(), Vec::new());
        Self { waiting, instead: None, cancelled: None, outlasting }
    }
}

impl<P: Parts> Step<P> {
    fn begun(whose: Whose<P>) -> Self {
        Self { whose, awaiting: None, met: None }
    }
}

impl<P: Parts> Host<P> {
    /// A host without a task, which may be so many outcomes ahead of who asks for them.
    #[must_use]
    pub fn new(read_ahead: usize) -> Self {
        Self { seat: Seat::Free, read_ahead, ready: VecDeque::new(), place: Place::New }
    }

    /// Whether no step has begun.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self.place, Place::New)
    }

    /// Whether the task has ended, or ends now.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    /// Whether it is over, and all that came of it was asked for.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.is_over() && self.ready.is_empty()
    }

    /// What is awaited, for who looks at it.
    #[must_use]
    pub fn awaiting(&self) -> Option<&P::Awaiting> {
        match &self.place {
            Place::Stepping(_, step) => step.awaiting.as_ref(),
            Place::New | Place::Awake(_) | Place::Between(..) | Place::Over => None,
        }
    }

    /// Who asked for the step that runs, or else for the next one.
    #[must_use]
    pub fn asker(&self) -> Option<&P::Call> {
        let (life, step) = match &self.place {
            Place::Awake(life) | Place::Between(_, life) => (life, None),
            Place::Stepping(life, step) => (life, Some(step)),
            Place::New | Place::Over => return None,
        };
        if let Some(Step { whose: Whose::Caller { call, .. }, .. }) = step {
            return Some(call);
        }
        life.waiting.front().map(|wish| &wish.call)
    }

    /// Whether something is to be made that nobody waits for.
    fn wants_more(&self) -> bool {
        self.seat != Seat::Waiting && self.ready.len() < self.read_ahead
    }

    /// What is ready for a wish of this kind, if it is one that takes that.
    fn ready_for(&mut self, kind: Kind) -> Option<P::Outcome> {
        if kind.takes_what_is_ready() { self.ready.pop_front() } else { None }
    }

    /// This caller is told now: he waits no longer.
    fn tell(&mut self, call: &P::Call, kind: Kind) {
        if kind != Kind::Collect && call.waits() && self.seat == Seat::Waiting {
            self.seat = Seat::Told;
        }
    }

    fn take_place(&mut self) -> Place<P> {
        std::mem::replace(&mut self.place, Place::Over)
    }
}

/// Something of the owner's that a host holds, for the owner's collector.
pub enum Held<'a, P: Parts> {
    /// Who asked for the step that runs.
    Call(&'a P::Call),
    /// A step that waits.
    Wish(&'a Wish<P>),
    /// What is awaited.
    Awaiting(&'a P::Awaiting),
    /// Anything else.
    Object(&'a P::Object),
    /// What nobody has asked for yet.
    Outcome(&'a P::Outcome),
}

impl<P: Parts> Host<P> {
    /// Show all that it holds.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn try_for_each<E>(
        &self,
        mut look: impl FnMut(Held<'_, P>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ready.iter().try_for_each(|outcome| look(Held::Outcome(outcome)))?;
        let life = match &self.place {
            Place::New | Place::Over => return Ok(()),
            Place::Between(wake, _) => return look(Held::Object(wake)),
            Place::Awake(life) => life,
            Place::Stepping(life, step) => {
                if let Whose::Caller { call, .. } = &step.whose {
                    look(Held::Call(call))?;
                }
                step.awaiting.iter().try_for_each(|awaiting| look(Held::Awaiting(awaiting)))?;
                step.met.iter().try_for_each(|met| look(Held::Object(met)))?;
                life
            }
        };
        life.waiting.iter().try_for_each(|wish| look(Held::Wish(wish)))?;
        life.instead.iter().chain(&life.cancelled).try_for_each(|object| look(Held::Object(object)))
    }

    /// Let go of all of it: what comes back is garbage.
    #[must_use = "it is to be dropped when the lock is free"]
    pub fn clear(&mut self) -> Self {
        let new = Self { seat: self.seat, place: Place::Over, ..Self::new(self.read_ahead) };
        std::mem::replace(self, new)
    }
}
