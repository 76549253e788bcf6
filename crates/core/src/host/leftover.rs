//! What a host is to who unwinds its loop.

use super::{Asker, Host, Life, Parts, Place, Whose};

/// Whether the task is to be cancelled, since its loop ends.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// It cleans up, or is about to: a cancellation would cut that off.
    Unwinds,
    /// It waits for its next step, or is about to begin one: it has yet to hear.
    Rests,
    /// It is inside of a step. Whether that was cancelled, its call knows, or the task.
    Steps,
}

impl<P: Parts> Life<P> {
    /// Whether it cleans up next.
    fn is_to_unwind(&self) -> bool {
        self.cancelled.is_some() || self.waiting.iter().any(|wish| wish.kind.cleans_up())
    }
}

impl<P: Parts> Host<P> {
    /// Whether it is inside of a step whose caller has left it behind.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        match &self.place {
            Place::Stepping(_, step) => {
                matches!(&step.whose, Whose::Caller { call, .. } if !call.waits())
            }
            Place::New | Place::Awake(_) | Place::Between(..) | Place::Over => false,
        }
    }

    /// Whether the task is to be cancelled.
    pub fn leftover(&self) -> Leftover {
        match &self.place {
            Place::Over => Leftover::Unwinds,
            Place::New | Place::Between(..) => Leftover::Rests,
            Place::Awake(life) if life.is_to_unwind() => Leftover::Unwinds,
            Place::Awake(_) => Leftover::Rests,
            // Whatever waits for it, it has to hear itself: it may never end otherwise.
            Place::Stepping(life, _) if life.cancelled.is_some() => Leftover::Unwinds,
            Place::Stepping(_, step) => match step.whose {
                Whose::Rescue => Leftover::Unwinds,
                Whose::Caller { kind, .. } if kind.cleans_up() => Leftover::Unwinds,
                Whose::Caller { .. } | Whose::Ahead => Leftover::Steps,
            },
        }
    }
}
