//! A step comes in: the loop thread's side of it.

use super::{Host, Kind, Left, Life, Parts, Place, Whose, Wish};

/// What a step found that came in.
#[must_use]
pub enum Arrive<P: Parts> {
    /// Nothing: make the task, then say `made`, or `not_made`.
    Make,
    /// A task that waits: step in for it.
    StepIn,
    /// A task that runs: what it does next, or does already, is this.
    Queued,
    /// A task that runs what nobody has asked for, and that has to stop: cancel it.
    Cancel,
    /// An outcome that was there: tell him, then `refill`.
    Tell(P::Call, P::Outcome),
    /// A step that still runs, and whose caller does not wait any more: refuse this one.
    LeftBehind(P::Call, P::Work),
    /// The end: this is left.
    Over(Wish<P>, Left<P::Outcome>),
}

/// What there is to do for more to be made.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Refill<W> {
    /// Nothing: it is being done, or is not wanted.
    Nothing,
    /// Wake the task by this, in a turn of its own.
    WakeSoon(W),
}

impl<P: Parts> Host<P> {
    /// A step has come in.
    pub fn arrive(&mut self, wish: Wish<P>) -> Arrive<P> {
        if self.is_over() {
            let left = self.left(wish.kind);
            return Arrive::Over(wish, left);
        }
        if let Some(outcome) = self.ready_for(wish.kind) {
            self.tell(&wish.call, wish.kind);
            return Arrive::Tell(wish.call, outcome);
        }
        match self.take_place() {
            Place::New | Place::Over => {
                let mut life = Box::new(Life::new());
                life.waiting.push_back(wish);
                self.place = Place::Awake(life);
                Arrive::Make
            }
            Place::Between(wake, mut life) => {
                life.waiting.push_back(wish);
                life.instead = Some(wake);
                self.place = Place::Awake(life);
                Arrive::StepIn
            }
            Place::Awake(mut life) => {
                life.waiting.push_back(wish);
                self.place = Place::Awake(life);
                Arrive::Queued
            }
            Place::Stepping(mut life, mut step) => {
                let found = match (&step.whose, wish.kind) {
                    // The item that it wants is being made.
                    (Whose::Ahead, Kind::Item) => {
                        step.whose = Whose::Caller { call: wish.call, kind: wish.kind };
                        Arrive::Queued
                    }
                    (Whose::Ahead, _) => {
                        life.waiting.push_back(wish);
                        Arrive::Cancel
                    }
                    // The end of what nobody waits for is worth waiting for, too.
                    (Whose::Rescue | Whose::Caller { kind: Kind::Collect, .. }, _)
                    | (Whose::Caller { .. }, Kind::Collect) => {
                        life.waiting.push_back(wish);
                        Arrive::Queued
                    }
                    (Whose::Caller { .. }, _) => Arrive::LeftBehind(wish.call, wish.work),
                };
                self.place = Place::Stepping(life, step);
                found
            }
        }
    }

    /// Few outcomes are left, or one was taken.
    pub fn refill(&mut self) -> Refill<P::Object> {
        if !self.wants_more() {
            return Refill::Nothing;
        }
        match self.take_place() {
            Place::Between(wake, life) => {
                self.place = Place::Awake(life);
                Refill::WakeSoon(wake)
            }
            place @ (Place::New | Place::Awake(_) | Place::Stepping(..) | Place::Over) => {
                self.place = place;
                Refill::Nothing
            }
        }
    }
}
