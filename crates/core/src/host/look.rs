//! What the task does next, or somebody in its stead: on the loop thread.

use super::{Asker, Host, Life, Parts, Place, Step, Whose, Wish};

/// Whether there is time for what nobody has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Nobody waits for the loop.
    Spare,
    /// Others come first, and who was told last has yet to hear it.
    Short,
}

/// What there is to do.
#[must_use]
pub enum Look<P: Parts> {
    /// Await this, then say what came of it: `suspended` or `ended`.
    Begin(P::Work),
    /// The same with what nobody has asked for yet.
    ReadAhead,
    /// Go on with this; then the same.
    Resume(P::Awaiting),
    /// Tell this caller what has been made meanwhile, and look again.
    Tell(P::Call, P::Outcome),
    /// Nothing: the caller of this step waits no longer. Look again.
    Skip(Wish<P>),
    /// Nothing: it was woken by somebody else than the host. Drop this, and look again.
    Woken(P::Object),
    /// Wait for this, which was met in the task's stead.
    Await(P::Object),
    /// Wait for the host.
    Wait,
    /// Give the loop a turn, and look again.
    Yield,
    /// Done, in the task's stead.
    Rest,
    /// Done, in the task's stead: wake it by this, in a turn of its own.
    WakeSoon(P::Object),
    /// End.
    End,
    /// It runs already: somebody else than its task has asked.
    Runs,
}

impl<P: Parts> Host<P> {
    /// Look for what to do.
    pub fn look(&mut self, time: Time) -> Look<P> {
        let life = match self.take_place() {
            Place::New => {
                self.place = Place::New;
                return Look::Runs;
            }
            Place::Over => return Look::End,
            Place::Awake(life) => life,
            Place::Between(wake, life) => {
                self.place = Place::Awake(life);
                return Look::Woken(wake);
            }
            Place::Stepping(life, mut step) => {
                let found = match (step.met.take(), life.instead.is_none()) {
                    (Some(met), true) => Look::Await(met),
                    (met, _) => {
                        step.met = met;
                        step.awaiting.take().map_or(Look::Runs, Look::Resume)
                    }
                };
                self.place = Place::Stepping(life, step);
                return found;
            }
        };
        self.look_for(life, time)
    }

    fn look_for(&mut self, mut life: Box<Life<P>>, time: Time) -> Look<P> {
        let first = if life.cancelled.is_none() { life.waiting.pop_front() } else { None };
        if let Some(wish) = first {
            if !wish.call.waits() && !wish.kind.cleans_up() {
                self.place = Place::Awake(life);
                return Look::Skip(wish);
            }
            if let Some(outcome) = self.ready_for(wish.kind) {
                self.tell(&wish.call, wish.kind);
                self.place = Place::Awake(life);
                return Look::Tell(wish.call, outcome);
            }
            let whose = Whose::Caller { call: wish.call, kind: wish.kind };
            self.place = Place::Stepping(life, Step::begun(whose));
            return Look::Begin(wish.work);
        }
        match (life.instead.take(), self.wants_more(), time) {
            (Some(wake), true, _) => {
                self.place = Place::Awake(life);
                Look::WakeSoon(wake)
            }
            (Some(wake), false, _) if life.cancelled.is_some() => {
                self.place = Place::Awake(life);
                Look::WakeSoon(wake)
            }
            (Some(wake), false, _) => {
                self.place = Place::Between(wake, life);
                Look::Rest
            }
            (None, true, Time::Spare) => {
                self.place = Place::Stepping(life, Step::begun(Whose::Ahead));
                Look::ReadAhead
            }
            (None, true, Time::Short) => {
                self.place = Place::Awake(life);
                Look::Yield
            }
            (None, false, _) => {
                self.place = Place::Awake(life);
                Look::Wait
            }
        }
    }
}
