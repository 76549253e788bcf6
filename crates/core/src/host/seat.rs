//! The callers' side: who uses the host, one at a time.

use super::{Host, Parts, Place, Seat};

/// What a caller found who wants a step.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sit {
    /// The seat is his, until he rises: have the step run.
    Seated,
    /// Somebody else sits there.
    Taken,
}

/// What a caller found who wants an item.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Item<O> {
    /// It was there.
    Ready(O),
    /// It was there, and few are left: have more made.
    Low(O),
    /// There will be none.
    Over,
    /// The seat is his, until he rises: have a step run.
    Seated,
    /// Somebody else sits there.
    Taken,
}

/// What a caller found who wants it to end.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It is over, and nothing is left to say.
    Over,
    /// The seat is his, until he rises: have the last step run.
    Seated,
    /// Somebody else sits there.
    Taken,
}

/// What a caller left behind.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    /// The task has ended.
    Over,
    /// It goes on, or was not made.
    Open,
}

impl<P: Parts> Host<P> {
    /// A caller wants a step.
    pub fn sit(&mut self) -> Sit {
        match self.seat {
            Seat::Free => {
                self.seat = Seat::Waiting;
                Sit::Seated
            }
            Seat::Waiting | Seat::Told => Sit::Taken,
        }
    }

    /// A caller wants an item.
    pub fn take_item(&mut self) -> Item<P::Outcome> {
        if self.seat != Seat::Free {
            return Item::Taken;
        }
        match self.ready.pop_front() {
            Some(outcome) => {
                let low = self.read_ahead > 0 && self.ready.len() <= self.read_ahead / 2;
                let idle = matches!(self.place, Place::Between { .. });
                if low && idle { Item::Low(outcome) } else { Item::Ready(outcome) }
            }
            None if self.is_over() => Item::Over,
            None => {
                self.seat = Seat::Waiting;
                Item::Seated
            }
        }
    }

    /// A caller wants it to end. What has not begun never will.
    pub fn close(&mut self) -> Close {
        if self.seat != Seat::Free {
            return Close::Taken;
        }
        if self.is_new() {
            self.place = Place::Over;
        }
        if self.is_spent() {
            return Close::Over;
        }
        self.seat = Seat::Waiting;
        Close::Seated
    }

    /// The caller leaves.
    pub fn rise(&mut self) -> Rise {
        self.seat = Seat::Free;
        if self.is_over() { Rise::Over } else { Rise::Open }
    }
}
