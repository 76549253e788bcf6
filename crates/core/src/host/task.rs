//! What becomes of the task, and of what it awaits: on the loop thread.

use super::{Host, Outcome, Parts, Place, Rest, Step, Whose};

/// Where a cancellation is raised.
#[must_use]
pub enum Throw<P: Parts> {
    /// In this. What was met is to be cancelled: nobody waits for it.
    Into(P::Awaiting, Option<P::Object>),
    /// Between two steps: await the rescue.
    Rescue,
    /// It was woken by somebody else than the host: drop this, and throw again.
    Woken(P::Object),
    /// Nowhere: it is over.
    Over,
    /// It runs already: somebody else than its task has asked.
    Runs,
}

/// What is awaited waits itself.
#[must_use]
pub enum Suspended<P: Parts> {
    /// The task waits for this.
    Await(P::Object),
    /// Wake the task by this: it has to wait itself for what was met.
    Wake(P::Object),
    /// It is over meanwhile: close it.
    Over(P::Awaiting, P::Object),
}

/// A step has ended.
#[must_use]
pub enum Ended<P: Parts> {
    /// Tell this caller.
    Tell(P::Call, P::Outcome),
    /// Nobody has asked for it yet.
    Kept,
    /// Tell this caller, if there is one; and all is over.
    Over(Option<(P::Call, P::Outcome)>, Rest<P>),
    /// All was over before: drop it.
    Late(P::Outcome),
}

/// The task was made.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It runs, or will.
    Runs,
    /// It has ended in being made.
    Ended,
}

impl<P: Parts> Host<P> {
    /// The task is made.
    pub fn made(&self) -> Made {
        if self.is_over() { Made::Ended } else { Made::Runs }
    }

    /// It could not be made: as if no step had come, unless one has run.
    pub fn not_made(&mut self) -> Rest<P> {
        let new = matches!(self.place, Place::New | Place::Awake(_));
        let rest = self.end();
        if new {
            self.place = Place::New;
        }
        rest
    }

    /// A cancellation is thrown into the task.
    pub fn throw(&mut self) -> Throw<P> {
        match self.take_place() {
            Place::Over => Throw::Over,
            Place::New => {
                self.place = Place::New;
                Throw::Runs
            }
            Place::Between(wake, life) => {
                self.place = Place::Awake(life);
                Throw::Woken(wake)
            }
            Place::Awake(life) => {
                self.place = Place::Stepping(life, Step::begun(Whose::Rescue));
                Throw::Rescue
            }
            Place::Stepping(life, mut step) => {
                let found = match step.awaiting.take() {
                    Some(awaiting) => Throw::Into(awaiting, step.met.take()),
                    None => Throw::Runs,
                };
                self.place = Place::Stepping(life, step);
                found
            }
        }
    }

    /// What is awaited waits for this.
    pub fn suspended(&mut self, awaiting: P::Awaiting, until: P::Object) -> Suspended<P> {
        match &mut self.place {
            Place::Stepping(life, step) => {
                step.awaiting = Some(awaiting);
                match life.instead.take() {
                    Some(wake) => {
                        step.met = Some(until);
                        Suspended::Wake(wake)
                    }
                    None => Suspended::Await(until),
                }
            }
            Place::New | Place::Awake(_) | Place::Between { .. } | Place::Over => {
                Suspended::Over(awaiting, until)
            }
        }
    }

    /// This came of the step that ran.
    pub fn ended(&mut self, outcome: P::Outcome) -> Ended<P> {
        let (life, step) = match self.take_place() {
            Place::Stepping(life, step) => (life, step),
            place @ (Place::New | Place::Awake(_) | Place::Between { .. } | Place::Over) => {
                self.place = place;
                return Ended::Late(outcome);
            }
        };
        let (asked, closed) = match step.whose {
            Whose::Caller { call, kind } => {
                self.tell(&call, kind);
                (Some(call), kind.is_last())
            }
            Whose::Ahead | Whose::Rescue => (None, false),
        };
        let last = closed || outcome.is_error();
        let told = match asked {
            Some(call) => Some((call, outcome)),
            None => {
                self.ready.push_back(outcome);
                None
            }
        };
        if last {
            let mut rest = Rest::of(*life);
            if closed {
                rest.lost = std::mem::take(&mut self.ready);
            }
            return Ended::Over(told, rest);
        }
        self.place = Place::Awake(life);
        told.map_or(Ended::Kept, |(call, outcome)| Ended::Tell(call, outcome))
    }
}
