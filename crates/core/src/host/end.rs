//! The end, and what is left then.

use std::collections::VecDeque;

use super::{Ended, Host, Kind, Life, Parts, Place, Step, Whose, Wish};
use crate::handoff::Completer;

/// What there is for a step that comes when all is over.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Left<O> {
    /// The next outcome, if there is one.
    Next(Option<O>),
    /// All outcomes: what was made ahead is lost by closing, but no error.
    All(VecDeque<O>),
}

/// What a host held when it ended: calls to answer, waiters to tell, and objects to drop.
#[must_use = "somebody waits for what is in there"]
pub struct Rest<P: Parts> {
    /// Who asked for the step that runs.
    pub asked: Option<(P::Call, Kind)>,
    /// Steps that will not begin.
    pub waiting: VecDeque<Wish<P>>,
    /// What was awaited: close it.
    pub awaiting: Option<P::Awaiting>,
    /// What wakes the task, if somebody runs in its stead: it has to end itself.
    pub wake: Option<P::Object>,
    /// What was made ahead, and is lost by closing: drop it.
    pub lost: VecDeque<P::Outcome>,
    /// Whatever else there was: drop it.
    pub objects: Vec<P::Object>,
    /// Who waits for the end. To be told last.
    pub outlasting: Vec<Completer>,
}

/// Whether it is worth waiting for the end of the task.
#[must_use]
pub enum Outlast {
    /// It will come: the completer is kept until then.
    Wait,
    /// There is no task.
    Nothing(Completer),
}

/// What a step gets on a loop that takes none any more.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Late<O> {
    /// All is over.
    Over(Left<O>),
    /// It is not: the task may still clean up.
    Open(Left<O>),
}

impl<P: Parts> Rest<P> {
    /// Of a task that runs nothing.
    pub(super) fn of(life: Life<P>) -> Self {
        let Life { waiting, instead, cancelled, outlasting } = life;
        let objects = Vec::from_iter(cancelled);
        let lost = VecDeque::new();
        Self { asked: None, waiting, awaiting: None, wake: instead, lost, objects, outlasting }
    }
}

impl<P: Parts> Host<P> {
    /// What is left for a step of this kind.
    pub fn left(&mut self, kind: Kind) -> Left<P::Outcome> {
        match kind {
            Kind::Item | Kind::Word | Kind::Only | Kind::Exit => Left::Next(self.ready.pop_front()),
            Kind::Close | Kind::Collect => Left::All(std::mem::take(&mut self.ready)),
        }
    }

    /// The task has ended, or will not run any more.
    pub fn end(&mut self) -> Rest<P> {
        match self.take_place() {
            Place::New | Place::Over => Rest::of(Life::new()),
            Place::Awake(life) => Rest::of(*life),
            Place::Between(wake, life) => {
                let mut rest = Rest::of(*life);
                rest.objects.push(wake);
                rest
            }
            Place::Stepping(life, Step { whose, awaiting, met }) => {
                let mut rest = Rest::of(*life);
                rest.awaiting = awaiting;
                rest.objects.extend(met);
                rest.asked = match whose {
                    Whose::Caller { call, kind } => Some((call, kind)),
                    Whose::Ahead | Whose::Rescue => None,
                };
                rest
            }
        }
    }

    /// The task has ended by itself, with this: it was cancelled before it began.
    pub fn lost(&mut self, outcome: P::Outcome) -> Ended<P> {
        if self.is_over() {
            return Ended::Late(outcome);
        }
        self.ready.push_back(outcome);
        Ended::Over(None, self.end())
    }

    /// Somebody waits for the end.
    pub fn outlast(&mut self, completer: Completer) -> Outlast {
        match &mut self.place {
            Place::New | Place::Over => return Outlast::Nothing(completer),
            Place::Awake(life) | Place::Stepping(life, _) | Place::Between(_, life) => {
                life.outlasting.push(completer);
            }
        }
        Outlast::Wait
    }

    /// The loop takes no more steps, and this one comes too late for it.
    pub fn late(&mut self, kind: Kind) -> Late<P::Outcome> {
        let left = self.left(kind);
        if self.is_over() { Late::Over(left) } else { Late::Open(left) }
    }
}
