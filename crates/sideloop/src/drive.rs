//! Drive a future on the calling thread: poll, wait for the bell, poll again.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sideloop_core::bell::Heard;
use tokio::runtime::Handle;
use tokio::task::unconstrained;

use crate::Runner;
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

/// What a call is made on.
#[derive(Clone, Copy)]
pub(crate) enum On<'a> {
    /// A runner that runs, as far as it was asked just now.
    Running(&'a Access),
    /// A runner that does not run yet, or not any more.
    Runner(&'a Runner),
    /// A life of one, which something else has begun.
    Life(&'a Access, AfterEnd),
}

/// What a call goes by. As small as can be: each call makes one.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) on: On<'a>,
    pub(crate) limit: Option<Instant>,
}

/// Drive to the end or until the limit, with the runtime entered; `driven` is dropped before it is left, also
/// where the call is refused and there is a runtime.
pub(crate) fn drive(driven: &mut dyn Driven, terms: Terms<'_>) -> Result<(), Refusal> {
    let access = match terms.on {
        On::Running(access) => access,
        On::Runner(runner) => match runner.start() {
            Ok(access) => access,
            Err(refusal) => {
                runner.inside_if_any(|| driven.end());
                return Err(refusal);
            }
        },
        On::Life(access, after_end) => match access.serves(after_end) {
            Ok(()) => access,
            // What it holds may be the parent's: it is left to its owner's frame.
            Err(inherited @ Refusal::Inherited) => return Err(inherited),
            Err(refusal) => {
                access.inside(|| driven.end());
                return Err(refusal);
            }
        },
    };
    let nesting_limit = access.rules().nesting_limit;
    let refusal = match (access.enterable(), Nested::enter(nesting_limit)) {
        // The way of most calls, in as few steps as can be: `benches/instructions.rs`.
        (Some(handle), Some(_nested)) if place::is_free() => {
            let _entered = handle.enter();
            let mut call = Call { ends: Ends(driven), waiter: Waiter::new() };
            return match call.poll() {
                Poll::Ready(()) => {
                    call.waiter.keep();
                    Ok(())
                }
                Poll::Pending => call.poll_on(handle, Rhythm::Rings, access, &terms).ended(),
            };
        }
        (Some(handle), Some(_nested)) => return in_runtime(driven, handle, access, &terms),
        (None, _) => Refusal::ThreadEnds,
        (_, None) => Refusal::TooDeep { limit: nesting_limit },
    };
    access.inside(|| driven.end());
    Err(refusal)
}

#[inline(never)]
fn in_runtime(
    driven: &mut dyn Driven,
    handle: &Handle,
    access: &Access,
    terms: &Terms<'_>,
) -> Result<(), Refusal> {
    let block_in_place = access.rules().block_in_place;
    place::block(block_in_place, &mut |rhythm| {
        // Entered only after `block_in_place`, which takes a thread of the runtime that is current to go on
        // for the one it blocks.
        let _entered = handle.enter();
        let mut call = Call { ends: Ends(driven), waiter: Waiter::new() };
        match call.poll() {
            Poll::Ready(()) => {
                call.waiter.keep();
                Waited::Ended(Ok(()))
            }
            Poll::Pending => call.poll_on(handle, rhythm, access, terms),
        }
    })
}

/// A call under way, with the runtime entered.
struct Call<'a> {
    ends: Ends<'a>,
    waiter: Waiter,
}

/// Before the runtime is left, also by a panic, the future is dropped.
struct Ends<'a>(&'a mut dyn Driven);

impl Call<'_> {
    #[inline]
    fn poll(&mut self) -> Poll<()> {
        // The budget of a task that we block would make the future yield for ever: it is filled up
        // only when that task returns.
        let future = pin!(unconstrained(poll_fn(|context| self.ends.0.poll(context))));
        future.poll(&mut Context::from_waker(self.waiter.waker()))
    }

    /// Go on with a future that was not ready at once, in a frame of its own: one that is does not pay for
    /// it.
    #[inline(never)]
    fn poll_on(
        mut self,
        handle: &Handle,
        rhythm: Rhythm,
        access: &Access,
        terms: &Terms<'_>,
    ) -> Waited {
        let Terms { on, limit } = *terms;
        let after_end = match on {
            On::Life(_, after_end) => after_end,
            On::Running(_) | On::Runner(_) => AfterEnd::Refused,
        };
        let mut pace = Pace::new(rhythm, access);
        let ended = loop {
            if access.is_inherited() {
                break Err(Refusal::Forked);
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                break Err(Refusal::TimedOut);
            }
            if pace.next(&self.waiter, limit, handle) == Next::Misplaced {
                // The future stays, to be polled elsewhere.
                mem::forget(self.ends);
                return Waited::Misplaced;
            }
            if after_end == AfterEnd::Refused && access.has_ended() {
                break Err(Refusal::Ended);
            }
            if self.poll().is_ready() {
                break Ok(());
            }
        };
        self.waiter.keep();
        Waited::Ended(ended)
    }
}

impl Drop for Ends<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.end();
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
    watched: bool,
    patrol: Option<Patrol>,
}

impl Pace {
    fn new(rhythm: Rhythm, access: &Access) -> Self {
        Self { rhythm, watched: access.is_watched(), patrol: None }
    }

    /// Wait until it is time to poll again.
    // Not inlined: what it needs of the stack is gone when the future is polled, in which calls are nested.
    #[inline(never)]
    fn next(&mut self, waiter: &Waiter, limit: Option<Instant>, handle: &Handle) -> Next {
        if waiter.has_rung() {
            return Next::Poll;
        }
        if self.watched {
            // From the first wait on: it needs the time.
            self.patrol.get_or_insert_with(Patrol::new);
        }
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
