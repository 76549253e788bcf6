//! The hand-off: each way to wait, each way to end a wait.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sideloop_core::handoff::{Completer, Wait, Waiter, handoff};

use crate::racing::{Jitter, Slot, side_by_side};

const OUTCOME: u32 = 22;
/// A limit that is never met.
const FAR: Duration = Duration::from_secs(600);

struct Caller {
    waiter: Waiter,
    outcome: Arc<Slot>,
}

fn new() -> ((Completer, Arc<Slot>), Caller) {
    let (completer, waiter) = handoff();
    let outcome = Arc::new(Slot::empty());
    ((completer, Arc::clone(&outcome)), Caller { waiter, outcome })
}

/// Wait in one of the three ways.
fn wait(waiter: &Waiter, jitter: &mut Jitter) -> Wait {
    match jitter.below(3) {
        0 => waiter.park(None),
        1 => (0..jitter.below(200))
            .find_map(|_| waiter.peek())
            .unwrap_or_else(|| waiter.park(Some(Instant::now() + FAR))),
        _ => loop {
            let limit = Instant::now() + Duration::from_micros(jitter.below(30).into());
            match waiter.park(Some(limit)) {
                Wait::TimedOut => assert!(limit <= Instant::now(), "not before its limit"),
                end => break end,
            }
        },
    }
}

pub(crate) fn complete_ends_a_wait(rounds: u32) {
    let serve = |(completer, outcome): (Completer, Arc<Slot>)| {
        outcome.store(OUTCOME);
        completer.complete();
    };
    side_by_side(
        rounds,
        new,
        serve,
        |caller, jitter| {
            assert_eq!(wait(&caller.waiter, jitter), Wait::Done);
            assert_eq!(caller.outcome.load(), OUTCOME);
            assert_eq!(caller.waiter.peek(), Some(Wait::Done), "it stays so");
        },
        |(), ()| {},
    );
}

pub(crate) fn drop_ends_a_wait(rounds: u32) {
    let serve = |(completer, _)| drop::<Completer>(completer);
    side_by_side(
        rounds,
        new,
        serve,
        |caller, jitter| {
            assert_eq!(wait(&caller.waiter, jitter), Wait::Gone);
        },
        |(), ()| {},
    );
}

/// As when a signal handler makes a call of its own while the thread waits.
pub(crate) fn nested_waits_keep_apart(rounds: u32) {
    let serve = |(completer, _): (Completer, _)| completer.complete();
    side_by_side(
        rounds / 4,
        new,
        serve,
        |caller, jitter| {
            let (inner_completer, inner) = handoff();
            let inner_loop_thread = thread::spawn(move || inner_completer.complete());
            jitter.pause();
            assert_eq!(inner.park(None), Wait::Done);
            inner_loop_thread.join().expect("the inner loop thread ends");
            assert_eq!(wait(&caller.waiter, jitter), Wait::Done);
        },
        |(), ()| {},
    );
}
