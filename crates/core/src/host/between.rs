//! What the host is to its task: a future, for which it waits between two steps.

use super::{Host, Parts, Place};

/// The task waits for the host.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Waits<W> {
    /// Until something comes.
    Between,
    /// Something has come: wake it by this, in a turn of its own.
    WakeSoon(W),
    /// In vain: drop this.
    Nothing(W),
}

/// The task is cancelled where it waits for the host.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Cancel<W> {
    /// Wake it by this, in a turn of its own.
    WakeSoon(W),
    /// Whoever runs in its stead will see. Drop the message of the one before.
    Noted(Option<W>),
    /// It does not wait here.
    Elsewhere(W),
}

impl<P: Parts> Host<P> {
    /// The task waits for the host, and is woken by this.
    pub fn waits(&mut self, wake: P::Object) -> Waits<P::Object> {
        match self.take_place() {
            Place::Awake(life) if life.instead.is_none() => {
                if life.waiting.is_empty() && life.cancelled.is_none() {
                    self.place = Place::Between(wake, life);
                    Waits::Between
                } else {
                    self.place = Place::Awake(life);
                    Waits::WakeSoon(wake)
                }
            }
            place => {
                self.place = place;
                Waits::Nothing(wake)
            }
        }
    }

    /// The task is cancelled, with this message.
    pub fn cancel(&mut self, message: P::Object) -> Cancel<P::Object> {
        match self.take_place() {
            Place::Between(wake, mut life) => {
                life.cancelled = Some(message);
                self.place = Place::Awake(life);
                Cancel::WakeSoon(wake)
            }
            mut place => {
                let found = match &mut place {
                    Place::Awake(life) | Place::Stepping(life, _) if life.instead.is_some() => {
                        Cancel::Noted(life.cancelled.replace(message))
                    }
                    Place::New
                    | Place::Awake(_)
                    | Place::Stepping(..)
                    | Place::Between(..)
                    | Place::Over => Cancel::Elsewhere(message),
                };
                self.place = place;
                found
            }
        }
    }

    /// The message of the cancellation that has woken the task, if one has.
    pub fn take_cancelled(&mut self) -> Option<P::Object> {
        match &mut self.place {
            Place::Awake(life) | Place::Stepping(life, _) => life.cancelled.take(),
            Place::New | Place::Between(..) | Place::Over => None,
        }
    }

    /// Nobody can run in the task's stead after all: what wakes it, to do so in a turn of its own.
    pub fn step_back(&mut self) -> Option<P::Object> {
        match &mut self.place {
            Place::Awake(life) | Place::Stepping(life, _) => life.instead.take(),
            Place::New | Place::Between(..) | Place::Over => None,
        }
    }
}
