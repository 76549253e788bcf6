//! The same parts as in `loom.rs`, between real threads that race on a real machine.
//!
//! `SIDELOOP_ROUNDS` sets the length. `scripts/tsan` runs it under ThreadSanitizer; for that, outcomes
//! lie in plain memory here, which only the order that the parts promise keeps from a data race.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sideloop_core::entry::{Closed, Entry, Push, Sleep};
use sideloop_core::handoff::{Completer, Wait, Waiter, handoff};
use sideloop_core::phase::{Abandon, Begin, Cancel, Complete, PhaseCell};

const ROUNDS: u32 = 20_000;
/// A run takes seconds; this long, and a wake-up was lost.
const HANG: Duration = Duration::from_secs(60);

type Test = (&'static str, fn(u32));

/// In the order of a call's path.
const TESTS: [Test; 6] = [
    ("each message is taken once, in its pusher's order, for at most one ring a sleep", entry),
    ("a close beside pushes loses no message", close),
    ("a cancel, an abandon and a complete leave one owner of the outcome", phase),
    ("the outcome is seen by a waiter that parks, spins or has a limit", outcomes),
    ("a dropped completer ends the wait", drops),
    ("a nested wait leaves the outer wait's wake-up alone", nested),
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
    let (ended, end) = mpsc::channel();
    thread::spawn(move || watch(&end));
    let mut failed = 0;
    for (name, test) in TESTS {
        let start = Instant::now();
        let _ = ended.send(name);
        let word = match catch_unwind(|| test(rounds)) {
            Ok(()) => "ok",
            Err(_) => {
                failed += 1;
                "FAILED"
            }
        };
        println!("{name} ... {word} ({:.2} s)", start.elapsed().as_secs_f64());
    }
    drop(ended);
    println!("{} passed, {failed} failed", TESTS.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The watchdog: aborts the process when a test does not end. `tests` names the one that runs.
fn watch(tests: &mpsc::Receiver<&'static str>) {
    let mut running = "nothing";
    loop {
        match tests.recv_timeout(HANG) {
            Ok(next) => running = next,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("hung for {HANG:?}, so a wake-up was lost, in: {running}");
                std::process::abort();
            }
        }
    }
}

/// Varies who comes first: a xorshift generator, spent in pauses.
struct Jitter(u32);

impl Jitter {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }

    fn pause(&mut self) {
        match self.below(64) {
            0 => thread::yield_now(),
            pauses => (0..pauses).for_each(|_| std::hint::spin_loop()),
        }
    }
}

/// A call's outcome, in plain memory.
struct Slot(UnsafeCell<u32>);

// SAFETY: the part under test decides who may touch it: the loop thread before it completes, the
// caller once it has seen the end. ThreadSanitizer checks that this is so.
unsafe impl Sync for Slot {}

impl Slot {
    fn empty() -> Self {
        Self(UnsafeCell::new(0))
    }

    /// On the loop thread, before it completes.
    fn store(&self, outcome: u32) {
        // SAFETY: exclusive: the caller reads only after the end, which comes after this.
        unsafe { *self.0.get() = outcome }
    }

    /// On the caller's thread, once it has seen the end.
    fn load(&self) -> u32 {
        // SAFETY: the loop thread wrote before the end and does not write after it.
        unsafe { *self.0.get() }
    }
}

/// What wakes the loop thread; it remembers a ring that nobody hears yet.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
    rings: AtomicU32,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().expect("not poisoned") = true;
        self.heard.notify_one();
    }

    fn hear(&self) {
        let mut rung = self.rung.lock().expect("not poisoned");
        while !std::mem::take(&mut *rung) {
            rung = self.heard.wait(rung).expect("not poisoned");
        }
    }

    /// Push and do what the verdict says; the message comes back if the queue is closed.
    fn push<M>(&self, entry: &Entry<M>, message: M) -> Result<(), Closed<M>> {
        if entry.push(message)? == Push::Wake {
            // ORDERING: Relaxed: read after the join.
            self.rings.fetch_add(1, Ordering::Relaxed);
            self.ring();
        }
        Ok(())
    }
}

const PUSHERS: u32 = 3;

fn entry(rounds: u32) {
    let (entry, bell) = (Entry::<(u32, u32)>::default(), Bell::default());
    let mut sleeps = 0;
    thread::scope(|scope| {
        for pusher in 0..PUSHERS {
            let (entry, bell) = (&entry, &bell);
            scope.spawn(move || {
                let mut jitter = Jitter(pusher + 1);
                for round in 0..rounds {
                    assert!(bell.push(entry, (pusher, round)).is_ok(), "it is open");
                    jitter.pause();
                }
            });
        }
        let mut next = [0; PUSHERS as usize];
        let mut batch = VecDeque::new();
        let mut left = PUSHERS * rounds;
        while left > 0 {
            entry.take(&mut batch);
            for (pusher, round) in batch.drain(..) {
                let expected = &mut next[pusher as usize];
                assert_eq!(round, *expected, "of pusher {pusher}");
                *expected += 1;
                left -= 1;
            }
            if left > 0 && entry.prepare_sleep() == Sleep::Sleep {
                sleeps += 1;
                bell.hear();
            }
        }
    });
    assert_eq!(bell.rings.into_inner(), sleeps, "one ring for one sleep");
}

fn close(rounds: u32) {
    for round in 0..rounds / 20 {
        let (entry, start) = (Entry::<u32>::default(), Barrier::new(3));
        let (pushed, taken, left) = thread::scope(|scope| {
            let pusher = scope.spawn(|| {
                start.wait();
                let refused = (0..).find(|message| entry.push(*message).is_err());
                refused.expect("it is closed some time")
            });
            let loop_thread = scope.spawn(|| {
                start.wait();
                let mut taken = VecDeque::new();
                (0..8).for_each(|_| entry.take(&mut taken));
                taken
            });
            start.wait();
            Jitter(round + 1).pause();
            let left = entry.close();
            let pushed = pusher.join().expect("the pusher ends");
            (pushed, loop_thread.join().expect("the loop thread ends"), left)
        });
        assert!(entry.close().is_empty(), "nothing comes in after");
        let all: Vec<u32> = taken.into_iter().chain(left).collect();
        assert_eq!(all, Vec::from_iter(0..pushed), "taken, then left over, in order");
    }
}

/// Calls that both threads go through side by side.
const SIDE_BY_SIDE: u32 = 64;

fn phase(rounds: u32) {
    for round in 0..rounds.div_ceil(SIDE_BY_SIDE) {
        let new_call = |_| (PhaseCell::default(), Slot::empty());
        let calls: Vec<(PhaseCell, Slot)> = (0..SIDE_BY_SIDE).map(new_call).collect();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let loop_thread = scope.spawn(|| {
                let mut jitter = Jitter(2 * round + 1);
                start.wait();
                let serve = |(phase, slot): &(PhaseCell, Slot)| {
                    jitter.pause();
                    match phase.begin() {
                        Begin::Skip => None,
                        Begin::Run => {
                            slot.store(22);
                            Some(phase.complete())
                        }
                    }
                };
                calls.iter().map(serve).collect::<Vec<Option<Complete>>>()
            });
            let mut jitter = Jitter(2 * round + 2);
            start.wait();
            let give_up = |(phase, slot): &(PhaseCell, Slot)| {
                jitter.pause();
                if phase.cancel() == Cancel::NeverRan {
                    return None;
                }
                let abandon = phase.abandon();
                if abandon == Abandon::TakeOutcome {
                    assert_eq!(slot.load(), 22);
                }
                Some(abandon)
            };
            let left: Vec<Option<Abandon>> = calls.iter().map(give_up).collect();
            let ended = loop_thread.join().expect("the loop thread ends");
            for both in ended.into_iter().zip(left) {
                assert!(
                    matches!(
                        both,
                        (None, None)
                            | (Some(Complete::Deliver), Some(Abandon::TakeOutcome))
                            | (Some(Complete::Drop), Some(Abandon::Leave))
                    ),
                    "not exactly one owner: {both:?}"
                );
            }
        });
    }
}

/// A loop thread that completes, or drops, what it is sent, sooner or later.
fn with_loop_thread(
    rounds: u32,
    tell: fn(Completer, &Slot, u32),
    wait: impl Fn(u32, &mut Jitter, Waiter, &Slot),
) {
    let (send, receive) = mpsc::channel::<(u32, Completer, Arc<Slot>)>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut jitter = Jitter(1);
            for (round, completer, slot) in receive {
                jitter.pause();
                tell(completer, &slot, round);
            }
        });
        let send = send;
        let mut jitter = Jitter(2);
        for round in 0..rounds {
            let (completer, waiter) = handoff();
            let slot = Arc::new(Slot::empty());
            send.send((round, completer, Arc::clone(&slot))).expect("the loop thread runs");
            jitter.pause();
            wait(round, &mut jitter, waiter, &slot);
        }
    });
}

fn outcomes(rounds: u32) {
    let complete = |completer: Completer, slot: &Slot, round| {
        slot.store(round);
        completer.complete();
    };
    with_loop_thread(rounds, complete, |round, jitter, waiter, slot| {
        let end = match round % 4 {
            0 => waiter.park(None),
            1 => (0..jitter.below(200))
                .find_map(|_| waiter.peek())
                .unwrap_or_else(|| waiter.park(None)),
            2 => loop {
                let limit = Instant::now() + Duration::from_micros(jitter.below(30).into());
                match waiter.park(Some(limit)) {
                    Wait::TimedOut => assert!(limit <= Instant::now(), "not before its limit"),
                    end => break end,
                }
            },
            // Gives up: the completer is left alone with the hand-off.
            _ => return,
        };
        assert_eq!(end, Wait::Done);
        assert_eq!(slot.load(), round);
        assert_eq!(waiter.peek(), Some(Wait::Done), "it stays so");
    });
}

fn drops(rounds: u32) {
    let drop_it = |completer, _: &Slot, _| drop::<Completer>(completer);
    with_loop_thread(rounds, drop_it, |round, _, waiter, _| {
        let limit = (round % 2 == 0).then(|| Instant::now() + HANG);
        assert_eq!(waiter.park(limit), Wait::Gone);
    });
}

fn nested(rounds: u32) {
    let complete = |completer: Completer, _: &Slot, _| completer.complete();
    with_loop_thread(rounds, complete, |_, jitter, outer, _| {
        let (completer, inner) = handoff();
        thread::scope(|scope| {
            scope.spawn(|| completer.complete());
            jitter.pause();
            assert_eq!(inner.park(None), Wait::Done);
        });
        assert_eq!(outer.park(None), Wait::Done);
    });
}
