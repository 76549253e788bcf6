//! Drive a future on the calling thread: poll, wait for the bell, poll again.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sideloop_core::generation;
use tokio::runtime::Handle;
use tokio::task::unconstrained;

use crate::builder::Rules;
use crate::depth::Nested;
use crate::error::Refusal;
use crate::place::{self, Rhythm};
use crate::waker::Waiter;

/// How long a wake that is deferred until we return may go unseen.
const TICK: Duration = Duration::from_millis(1);

/// Run `future` to its end or until `limit`, with the runtime of `handle` entered.
pub(crate) fn drive<F: Future>(
    future: F,
    handle: &Handle,
    rules: Rules,
    limit: Option<Instant>,
) -> Result<F::Output, Refusal> {
    let Some(_nested) = Nested::enter(rules.nesting_limit) else {
        return Err(Refusal::TooDeep { limit: rules.nesting_limit });
    };
    if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) {
        return Err(Refusal::ThreadEnds);
    }
    // Entered only after `block_in_place`, which takes a thread of the runtime that is current to go on
    // for the one it blocks.
    place::block(rules.block_in_place, |rhythm| {
        let _entered = handle.enter();
        let waiter = Waiter::new();
        // The budget of a task that we block would make the future yield for ever: it is filled up
        // only when that task returns.
        let ended = poll(pin!(unconstrained(future)), &waiter, rhythm, limit);
        waiter.keep();
        ended
    })
}

fn poll<F: Future>(
    mut future: Pin<&mut F>,
    waiter: &Waiter,
    rhythm: Rhythm,
    limit: Option<Instant>,
) -> Result<F::Output, Refusal> {
    let began = generation::current();
    let mut context = Context::from_waker(waiter.waker());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        if generation::current() != began {
            return Err(Refusal::Forked);
        }
        if limit.is_some_and(|limit| Instant::now() >= limit) {
            return Err(Refusal::TimedOut);
        }
        waiter.wait(next_look(rhythm, limit));
    }
}

/// When to look again though no bell has rung.
fn next_look(rhythm: Rhythm, limit: Option<Instant>) -> Option<Instant> {
    match rhythm {
        Rhythm::Rings => limit,
        Rhythm::Ticks => {
            let tick = Instant::now() + TICK;
            Some(limit.map_or(tick, |limit| limit.min(tick)))
        }
    }
}
