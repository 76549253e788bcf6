//! The hand-off: the waiter always learns its end, and what was written before is seen after.

use std::sync::Arc;
use std::time::Instant;

use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::thread;
use sideloop_core::handoff::{Completer, Wait, Waiter, handoff};

/// What a completer does, so that the models can meet a broken one. Dropping it is its other deed.
pub(crate) trait Tells: Send + 'static {
    fn complete(self);
}

/// What a waiter does.
pub(crate) trait Waits: Send + 'static {
    fn peek(&self) -> Option<Wait>;
    fn park(&self, limit: Option<Instant>) -> Wait;
}

impl Tells for Completer {
    fn complete(self) {
        self.complete();
    }
}

impl Waits for Waiter {
    fn peek(&self) -> Option<Wait> {
        self.peek()
    }

    fn park(&self, limit: Option<Instant>) -> Wait {
        self.park(limit)
    }
}

const OUTCOME: u32 = 22;

/// Start a loop thread that stores an outcome and completes the hand-off.
fn outcome_of(completer: impl Tells) -> Arc<AtomicU32> {
    let outcome = Arc::new(AtomicU32::new(0));
    let stored = Arc::clone(&outcome);
    thread::spawn(move || {
        // ORDERING: Relaxed: the hand-off alone has to publish it.
        stored.store(OUTCOME, Ordering::Relaxed);
        completer.complete();
    });
    outcome
}

fn assert_seen(end: Wait, outcome: &AtomicU32) {
    assert_eq!(end, Wait::Done);
    let outcome = outcome.load(Ordering::Relaxed);
    assert_eq!(outcome, OUTCOME, "the outcome is stored before the hand-off is complete");
}

fn complete_ends_a_park<C: Tells, W: Waits>(make: impl Fn() -> (C, W) + Send + Sync + 'static) {
    loom::model(move || {
        let (completer, waiter) = make();
        let outcome = outcome_of(completer);
        assert_seen(waiter.park(None), &outcome);
        assert_eq!(waiter.peek(), Some(Wait::Done), "it stays so");
    });
}

fn complete_ends_a_spin_or_the_park_after<C: Tells, W: Waits>(
    make: impl Fn() -> (C, W) + Send + Sync + 'static,
) {
    loom::model(move || {
        let (completer, waiter) = make();
        let outcome = outcome_of(completer);
        let seen = waiter.peek().or_else(|| {
            thread::yield_now();
            waiter.peek()
        });
        assert_seen(seen.unwrap_or_else(|| waiter.park(None)), &outcome);
    });
}

/// The limit has passed already: loom's time stands still.
fn complete_ends_the_park_after_a_limit<C: Tells, W: Waits>(
    make: impl Fn() -> (C, W) + Send + Sync + 'static,
) {
    let passed = Instant::now();
    loom::model(move || {
        let (completer, waiter) = make();
        let outcome = outcome_of(completer);
        match waiter.park(Some(passed)) {
            Wait::TimedOut => assert_seen(waiter.park(None), &outcome),
            end => assert_seen(end, &outcome),
        }
    });
}

fn drop_ends_a_park<C: Tells, W: Waits>(make: impl Fn() -> (C, W) + Send + Sync + 'static) {
    loom::model(move || {
        let (completer, waiter) = make();
        thread::spawn(move || drop(completer));
        assert_eq!(waiter.park(None), Wait::Gone);
    });
}

/// A waiter that gives up. loom sees a leak or a use after the end.
fn a_waiter_may_leave<C: Tells, W: Waits>(make: impl Fn() -> (C, W) + Send + Sync + 'static) {
    let passed = Instant::now();
    loom::model(move || {
        let (completer, waiter) = make();
        let _outcome = outcome_of(completer);
        let end = waiter.park(Some(passed));
        assert!(matches!(end, Wait::TimedOut | Wait::Done), "{end:?}");
        drop(waiter);
    });
}

/// One thread waits for two calls, as when a signal handler makes a call of its own: neither wait
/// eats the other's wake-up.
fn nested_waits_keep_apart<C: Tells, W: Waits>(make: impl Fn() -> (C, W) + Send + Sync + 'static) {
    loom::model(move || {
        let ((outer_completer, outer), (inner_completer, inner)) = (make(), make());
        thread::spawn(move || outer_completer.complete());
        thread::spawn(move || inner_completer.complete());
        let seen = outer.peek();
        assert_eq!(inner.park(None), Wait::Done);
        assert_eq!(seen.unwrap_or_else(|| outer.park(None)), Wait::Done);
    });
}

#[test]
fn complete_wakes_a_waiter_that_parks() {
    complete_ends_a_park(handoff);
}

#[test]
fn complete_is_seen_by_a_spin_or_wakes_the_park_after_it() {
    complete_ends_a_spin_or_the_park_after(handoff);
}

#[test]
fn complete_wakes_a_waiter_that_parks_anew_after_its_limit() {
    complete_ends_the_park_after_a_limit(handoff);
}

#[test]
fn a_dropped_completer_wakes_a_waiter_that_parks() {
    drop_ends_a_park(handoff);
}

#[test]
fn a_waiter_may_leave_while_its_hand_off_completes() {
    a_waiter_may_leave(handoff);
}

#[test]
fn a_nested_wait_does_not_eat_the_outer_waits_wake_up() {
    nested_waits_keep_apart(handoff);
}

/// Copies of the hand-off with one flaw each.
mod seeded {
    use loom::sync::atomic::AtomicU8;
    use loom::sync::{Condvar, Mutex};

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// The end is stored without Release.
        StoredRelaxed,
        /// The end is stored after a look whether somebody parks.
        LoadThenStore,
        /// The notification does not wait for the lock.
        NotifyWithoutTheLock,
        /// The waiter looks before it takes the lock, not under it.
        LookBeforeTheLock,
        /// A completer dropped says nothing.
        DropSaysNothing,
    }

    const EMPTY: u8 = 0;
    const PARKED: u8 = 1;
    const DONE: u8 = 2;
    const GONE: u8 = 3;

    struct Shared {
        flaw: Flaw,
        state: AtomicU8,
        lock: Mutex<()>,
        wake: Condvar,
    }

    impl Shared {
        fn finish(&self, end: u8) {
            let before = match self.flaw {
                Flaw::StoredRelaxed => self.state.swap(end, Ordering::Relaxed),
                Flaw::LoadThenStore => {
                    let before = self.state.load(Ordering::Acquire);
                    self.state.store(end, Ordering::Release);
                    before
                }
                Flaw::None
                | Flaw::NotifyWithoutTheLock
                | Flaw::LookBeforeTheLock
                | Flaw::DropSaysNothing => self.state.swap(end, Ordering::AcqRel),
            };
            if before == PARKED {
                if self.flaw != Flaw::NotifyWithoutTheLock {
                    drop(self.lock.lock().expect("not poisoned"));
                }
                self.wake.notify_one();
            }
        }
    }

    struct BrokenCompleter(Option<Arc<Shared>>);

    impl Tells for BrokenCompleter {
        fn complete(mut self) {
            if let Some(shared) = self.0.take() {
                shared.finish(DONE);
            }
        }
    }

    impl Drop for BrokenCompleter {
        fn drop(&mut self) {
            if let Some(shared) = self.0.take()
                && shared.flaw != Flaw::DropSaysNothing
            {
                shared.finish(GONE);
            }
        }
    }

    struct BrokenWaiter(Arc<Shared>);

    impl Waits for BrokenWaiter {
        fn peek(&self) -> Option<Wait> {
            match self.0.state.load(Ordering::Acquire) {
                DONE => Some(Wait::Done),
                GONE => Some(Wait::Gone),
                _ => None,
            }
        }

        fn park(&self, limit: Option<Instant>) -> Wait {
            let _ =
                self.0.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Acquire);
            let early = if self.0.flaw == Flaw::LookBeforeTheLock { self.peek() } else { None };
            let mut guard = self.0.lock.lock().expect("not poisoned");
            if self.0.flaw == Flaw::LookBeforeTheLock {
                if let Some(end) = early {
                    return end;
                }
                guard = self.0.wake.wait(guard).expect("not poisoned");
            }
            loop {
                if let Some(end) = self.peek() {
                    return end;
                }
                if limit.is_some() {
                    return Wait::TimedOut;
                }
                guard = self.0.wake.wait(guard).expect("not poisoned");
            }
        }
    }

    fn with(flaw: Flaw) -> impl Fn() -> (BrokenCompleter, BrokenWaiter) {
        move || {
            let (lock, wake) = (Mutex::new(()), Condvar::new());
            let shared = Arc::new(Shared { flaw, state: AtomicU8::new(EMPTY), lock, wake });
            (BrokenCompleter(Some(Arc::clone(&shared))), BrokenWaiter(shared))
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        complete_ends_a_park(with(Flaw::None));
        complete_ends_a_spin_or_the_park_after(with(Flaw::None));
        complete_ends_the_park_after_a_limit(with(Flaw::None));
        drop_ends_a_park(with(Flaw::None));
        a_waiter_may_leave(with(Flaw::None));
        nested_waits_keep_apart(with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "the outcome is stored before the hand-off is complete")]
    fn a_relaxed_end_shows_no_outcome() {
        complete_ends_a_spin_or_the_park_after(with(Flaw::StoredRelaxed));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_look_then_a_store_lose_the_wake_up() {
        complete_ends_a_park(with(Flaw::LoadThenStore));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_notification_without_the_lock_is_lost() {
        complete_ends_a_park(with(Flaw::NotifyWithoutTheLock));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_look_before_the_lock_misses_the_end() {
        complete_ends_a_park(with(Flaw::LookBeforeTheLock));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_silent_drop_leaves_the_waiter() {
        drop_ends_a_park(with(Flaw::DropSaysNothing));
    }

    /// Why a waiter has a condition variable of its own: a thread has one park token for all waits.
    #[test]
    #[should_panic(expected = "deadlock")]
    fn the_threads_park_token_is_eaten_by_a_nested_wait() {
        loom::model(|| {
            let [outer, inner] = [(); 2].map(|()| {
                let caller = thread::current();
                let done = Arc::new(AtomicBool::new(false));
                let told = Arc::clone(&done);
                thread::spawn(move || {
                    // ORDERING: Release, Acquire: the order is not what fails.
                    told.store(true, Ordering::Release);
                    caller.unpark();
                });
                done
            });
            let seen = outer.load(Ordering::Acquire);
            while !inner.load(Ordering::Acquire) {
                thread::park();
            }
            if !seen {
                thread::park();
            }
        });
    }
}
