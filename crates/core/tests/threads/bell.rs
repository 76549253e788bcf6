//! The caller's bell: each way to wait for it, rung more often than it is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sideloop_core::bell::{Bell, Heard};

use crate::racing::{Jitter, Slot, side_by_side};

const OUTCOME: u32 = 22;
const RINGS: u32 = 4;
/// A limit that is never met.
const FAR: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Call {
    bell: Bell,
    rings: AtomicU32,
}

/// Wait in one of the three ways.
fn wait(bell: &Bell, jitter: &mut Jitter) {
    let heard = match jitter.below(3) {
        0 => bell.wait(None),
        1 => (0..jitter.below(200))
            .find_map(|_| bell.take().then_some(Heard::Ring))
            .unwrap_or_else(|| bell.wait(Some(Instant::now() + FAR))),
        _ => loop {
            let limit = Instant::now() + Duration::from_micros(jitter.below(30).into());
            match bell.wait(Some(limit)) {
                Heard::Nothing => assert!(limit <= Instant::now(), "not before its limit"),
                heard => break heard,
            }
        },
    };
    assert_eq!(heard, Heard::Ring);
}

pub(crate) fn no_ring_is_lost(rounds: u32) {
    let new = || {
        let (call, outcome) = (Arc::new(Call::default()), Arc::new(Slot::empty()));
        ((Arc::clone(&call), Arc::clone(&outcome)), (call, outcome))
    };
    let serve = |(call, outcome): (Arc<Call>, Arc<Slot>)| {
        outcome.store(OUTCOME);
        for _ in 0..RINGS {
            // ORDERING: Relaxed: the bell alone has to publish it.
            call.rings.fetch_add(1, Ordering::Relaxed);
            call.bell.ring();
        }
    };
    side_by_side(
        rounds,
        new,
        serve,
        |(call, outcome), jitter| {
            wait(&call.bell, jitter);
            assert_eq!(outcome.load(), OUTCOME);
            while call.rings.load(Ordering::Relaxed) < RINGS {
                wait(&call.bell, jitter);
            }
        },
        |(), ()| {},
    );
}
