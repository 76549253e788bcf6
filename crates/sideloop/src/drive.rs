//! Drive a future on the calling thread: poll, wait for the bell, poll again.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Context;
use std::time::{Duration, Instant};

use sideloop_core::bell::Heard;
use sideloop_core::generation;
use tokio::runtime::{EnterGuard, Handle};
use tokio::task::unconstrained;

use crate::access::Access;
use crate::depth::Nested;
use crate::error::Refusal;
use crate::hand_over;
use crate::patrol::Patrol;
use crate::place::{self, Rhythm, Waited};
use crate::slot::Driven;
use crate::waker::Waiter;

/// How long a wake that is deferred until we return may go unseen.
const TICK: Duration = Duration::from_millis(1);

/// How long until a thread is sought again that was refused before.
const SEEK: Duration = Duration::from_millis(10);

/// What a call goes on after the end of its runner with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterEnd {
    /// Nothing: what it waits for does not come, and a timer that is asked then panics.
    Refused,
    /// What is there: a task that has ended in time has its output.
    Polled,
}

/// What a call goes by.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) access: &'a Access,
    pub(crate) limit: Option<Instant>,
    pub(crate) after_end: AfterEnd,
}

/// Drive to the end or until the limit, with the runtime entered; `driven` is dropped before it is left.
pub(crate) fn drive(driven: &mut dyn Driven, terms: Terms<'_>) -> Result<(), Refusal> {
    let Terms { access, after_end, .. } = terms;
    let nesting_limit = access.rules().nesting_limit;
    let refusal = if access.is_inherited() {
        // What it holds may be the parent's: it is left to its owner's frame.
        return Err(Refusal::Inherited);
    } else if after_end == AfterEnd::Refused && access.has_ended() {
        Refusal::Ended
    } else {
        match (access.enterable(), Nested::enter(nesting_limit)) {
            (Some(handle), Some(_nested)) => return call(driven, handle, terms),
            (None, _) => Refusal::ThreadEnds,
            (_, None) => Refusal::TooDeep { limit: nesting_limit },
        }
    };
    access.inside(|| driven.end());
    Err(refusal)
}

fn call(driven: &mut dyn Driven, handle: &Handle, terms: Terms<'_>) -> Result<(), Refusal> {
    let rules = terms.access.rules();
    let mut call = Call { driven, terms, began: generation::current() };
    // Entered only after `block_in_place`, which takes a thread of the runtime that is current to go on
    // for the one it blocks.
    place::block(rules.block_in_place, &mut |rhythm| call.wait(handle, rhythm))
}

struct Call<'a> {
    driven: &'a mut dyn Driven,
    terms: Terms<'a>,
    began: u32,
}

impl Call<'_> {
    fn wait(&mut self, handle: &Handle, rhythm: Rhythm) -> Waited {
        let Terms { access, limit, after_end } = self.terms;
        let mut within =
            Within { driven: &mut *self.driven, stays: false, _entered: handle.enter() };
        let waiter = Waiter::new();
        let mut pace = Pace { rhythm, patrol: None };
        let ended = loop {
            // The budget of a task that we block would make the future yield for ever: it is filled up
            // only when that task returns.
            let future = pin!(unconstrained(poll_fn(|context| within.driven.poll(context))));
            if future.poll(&mut Context::from_waker(waiter.waker())).is_ready() {
                break Ok(());
            }
            if generation::current() != self.began {
                break Err(Refusal::Forked);
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                break Err(Refusal::TimedOut);
            }
            if access.is_watched() {
                // Not for a future that is ready at once.
                pace.patrol.get_or_insert_with(Patrol::new);
            }
            if pace.next(&waiter, limit, handle) == Next::Misplaced {
                within.stays = true;
                return Waited::Misplaced;
            }
            if after_end == AfterEnd::Refused && access.has_ended() {
                break Err(Refusal::Ended);
            }
        };
        waiter.keep();
        Waited::Ended(ended)
    }
}

/// The runtime is entered; before it is left, also by a panic, the future is dropped.
struct Within<'a> {
    driven: &'a mut dyn Driven,
    stays: bool,
    _entered: EnterGuard<'a>,
}

impl Drop for Within<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.driven.end();
        }
    }
}

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Poll,
    Misplaced,
}

/// How a call waits, and what it looks after meanwhile.
struct Pace {
    rhythm: Rhythm,
    patrol: Option<Patrol>,
}

impl Pace {
    /// Wait until it is time to poll again.
    fn next(&mut self, waiter: &Waiter, limit: Option<Instant>, handle: &Handle) -> Next {
        let look = match &self.rhythm {
            Rhythm::Rings => self.patrol.as_ref().map(Patrol::next),
            Rhythm::Seeks(_) => Some(Instant::now() + SEEK),
            Rhythm::Ticks(_) => Some(Instant::now() + TICK),
        };
        let until = match (limit, look) {
            (Some(limit), Some(look)) => Some(limit.min(look)),
            (limit, look) => limit.or(look),
        };
        if waiter.wait(until) == Heard::Ring {
            return Next::Poll;
        }
        match &mut self.rhythm {
            Rhythm::Rings => {}
            Rhythm::Seeks(runtime) => {
                if hand_over::seek(runtime) {
                    self.rhythm = Rhythm::Rings;
                }
            }
            Rhythm::Ticks(Some(doubt)) => {
                if doubt.is_confirmed() {
                    return Next::Misplaced;
                }
            }
            Rhythm::Ticks(None) => {}
        }
        if let Some(patrol) = &mut self.patrol {
            patrol.walk(handle);
        }
        Next::Poll
    }
}
