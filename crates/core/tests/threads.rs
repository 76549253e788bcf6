//! The same parts as in `loom.rs`, between real threads that race on a real machine.
//!
//! `SIDELOOP_ROUNDS` sets the length. `scripts/tsan` runs it under ThreadSanitizer; for that, outcomes
//! lie in plain memory here, which only the order that the parts promise keeps from a data race.
//!
//! ThreadSanitizer sees our code and what is generic in std, but not std's compiled half: the slow
//! paths of `Mutex` and `Condvar`, `Barrier`, the end of a scope; nor does it know the fence in the
//! last drop of an `Arc`. It takes what these order for data races. So here
//! - no plain memory is left to a `Condvar`, a channel or a scope's end: threads are joined;
//! - the caller's end of a hand-off goes last, after the join (loom has the other order);
//! - reports from inside `Entry` are suppressed (`threads/tsan.supp`): it is safe code under one `Mutex`, where the
//!   compiler lets nothing race. What `Entry` does is checked all the same, by the assertions.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[path = "threads/racing.rs"]
mod racing;

#[path = "threads/entry.rs"]
mod entry;

#[path = "threads/phase.rs"]
mod phase;

#[path = "threads/handoff.rs"]
mod handoff;

#[path = "threads/bell.rs"]
mod bell;

const ROUNDS: u32 = 20_000;
/// One test takes a second or so; this long, and a wake-up was lost.
const HANG: Duration = Duration::from_secs(60);

type Test = (&'static str, fn(u32));

/// In the order of a call's path.
const TESTS: [Test; 7] = [
    (
        "each message is taken once, in its pusher's order, for one ring a sleep",
        entry::each_message_is_taken_once,
    ),
    ("a close beside pushes loses no message", entry::close_loses_nothing),
    ("a cancel, an abandon and a complete leave one owner of the outcome", phase::one_owner),
    (
        "the outcome is seen by a waiter that parks, spins or has a limit",
        handoff::complete_ends_a_wait,
    ),
    ("a dropped completer ends the wait", handoff::drop_ends_a_wait),
    ("a nested wait leaves the outer wait's wake-up alone", handoff::nested_waits_keep_apart),
    (
        "of many rings to a thread that waits, spins or has a limit, none is lost",
        bell::no_ring_is_lost,
    ),
];

fn main() -> ExitCode {
    let rounds = match std::env::var("SIDELOOP_ROUNDS").map(|rounds| rounds.parse()) {
        Ok(Ok(rounds)) => rounds,
        Ok(Err(error)) => {
            eprintln!("SIDELOOP_ROUNDS is no number of rounds: {error}");
            return ExitCode::FAILURE;
        }
        Err(_unset) => ROUNDS,
    };
    let running = Arc::new(AtomicUsize::new(0));
    let watched = Arc::clone(&running);
    thread::spawn(move || watch(&watched));
    let mut failed = 0;
    for (number, (name, test)) in TESTS.into_iter().enumerate() {
        // ORDERING: Relaxed: for the watchdog's message and its patience.
        running.store(number, Ordering::Relaxed);
        let start = Instant::now();
        let word = match catch_unwind(|| test(rounds)) {
            Ok(()) => "ok",
            Err(_) => {
                failed += 1;
                "FAILED"
            }
        };
        println!("{name} ... {word} ({:.2} s)", start.elapsed().as_secs_f64());
    }
    println!("{} passed, {failed} failed", TESTS.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The watchdog: aborts the process when a test does not end.
fn watch(running: &AtomicUsize) {
    let (mut number, mut since) = (0, Instant::now());
    while since.elapsed() < HANG {
        thread::park_timeout(HANG / 60);
        let now = running.load(Ordering::Relaxed);
        if now != number {
            (number, since) = (now, Instant::now());
        }
    }
    let name = TESTS.get(number).map_or("none", |test| test.0);
    eprintln!("no end after {HANG:?}, so a wake-up was lost, in: {name}");
    std::process::abort();
}
