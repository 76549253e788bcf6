//! The hand-off: the waiter always learns its end, and what was written before is seen after.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::thread;
use sideloop_core::handoff::{Completer, Wait, Waiter, handoff};

/// What a completer does, so that the models can meet a broken one. Dropping it is its other deed.
pub(crate) trait Tells: Send + 'static {
    fn complete(self);
    fn knock(&self);
}

/// What a waiter does.
pub(crate) trait Waits: Send + 'static {
    fn peek(&self) -> Option<Wait>;
    fn park(&self, limit: Option<Instant>) -> Wait;
    fn hear(&self);
}

impl Tells for Completer {
    fn complete(self) {
        self.complete();
    }

    fn knock(&self) {
        self.knock();
    }
}

impl Waits for Waiter {
    fn peek(&self) -> Option<Wait> {
        self.peek()
    }

    fn park(&self, limit: Option<Instant>) -> Wait {
        self.park(limit)
    }

    fn hear(&self) {
        self.hear();
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

/// What a knock is for is found after it was heard, and the outcome comes all the same.
fn knocks_come_before_the_end<C: Tells, W: Waits>(
    make: impl Fn() -> (C, W) + Send + Sync + 'static,
) {
    crate::bounded(move || {
        let (completer, waiter) = make();
        let asked = Arc::new(AtomicU32::new(0));
        let put = Arc::clone(&asked);
        thread::spawn(move || {
            for _ in 0..2 {
                // ORDERING: Relaxed: the knock alone has to publish it.
                put.fetch_add(1, Ordering::Relaxed);
                completer.knock();
            }
            completer.complete();
        });
        loop {
            match waiter.park(None) {
                Wait::Knock => {
                    waiter.hear();
                    let found = asked.load(Ordering::Relaxed);
                    assert!(found > 0, "what the knock is for is there");
                }
                end => break assert_eq!(end, Wait::Done),
            }
        }
    });
}

/// Whoever hears a knock finds what every one before was for: also one that came while it was not heard.
fn no_knock_is_lost<C: Tells, W: Waits>(make: impl Fn() -> (C, W) + Send + Sync + 'static) {
    loom::model(move || {
        let (completer, waiter) = make();
        let asked = Arc::new(AtomicU32::new(0));
        let put = Arc::clone(&asked);
        // Not dropped before all is heard, nor while a deadlock unwinds: loom panics again then.
        let kept = ManuallyDrop::new(Arc::new(Mutex::new(None)));
        let keep = Arc::clone(&kept);
        let knocker = thread::spawn(move || {
            for _ in 0..2 {
                // ORDERING: Relaxed: as above.
                put.fetch_add(1, Ordering::Relaxed);
                completer.knock();
            }
            *keep.lock().expect("not poisoned") = Some(completer);
        });
        let mut found = 0;
        while found < 2 {
            assert_eq!(waiter.park(None), Wait::Knock);
            waiter.hear();
            found = asked.load(Ordering::Relaxed);
        }
        knocker.join().expect("the knocker ends");
        let completer = kept.lock().expect("not poisoned").take();
        drop(completer);
    });
}

/// Neither a knock nor a park after it hides the end.
fn drop_ends_a_wait_that_was_knocked_at<C: Tells, W: Waits>(
    make: impl Fn() -> (C, W) + Send + Sync + 'static,
) {
    loom::model(move || {
        let (completer, waiter) = make();
        thread::spawn(move || {
            completer.knock();
            drop(completer);
        });
        loop {
            match waiter.park(None) {
                Wait::Knock => waiter.hear(),
                end => break assert_eq!(end, Wait::Gone),
            }
        }
    });
}

#[test]
fn a_knock_is_heard_before_the_end() {
    knocks_come_before_the_end(handoff);
}

#[test]
fn a_knock_is_not_lost_while_another_is_heard() {
    no_knock_is_lost(handoff);
}

#[test]
fn a_dropped_completer_ends_a_wait_that_was_knocked_at() {
    drop_ends_a_wait_that_was_knocked_at(handoff);
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
        /// A knock is not written where the last one was not heard.
        KnockedBefore,
        /// A knock does not wake who parks.
        KnockWakesNobody,
        /// What is heard is stored, whatever came meanwhile.
        HeardOverTheEnd,
    }

    const EMPTY: u8 = 0;
    const PARKED: u8 = 1;
    const DONE: u8 = 2;
    const GONE: u8 = 3;
    const KNOCKED: u8 = 4;

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
                | Flaw::DropSaysNothing
                | Flaw::KnockedBefore
                | Flaw::KnockWakesNobody
                | Flaw::HeardOverTheEnd => self.state.swap(end, Ordering::AcqRel),
            };
            if before == PARKED {
                self.unpark();
            }
        }

        fn unpark(&self) {
            if self.flaw != Flaw::NotifyWithoutTheLock {
                drop(self.lock.lock().expect("not poisoned"));
            }
            self.wake.notify_one();
        }
    }

    struct BrokenCompleter(Option<Arc<Shared>>);

    impl Tells for BrokenCompleter {
        fn complete(mut self) {
            if let Some(shared) = self.0.take() {
                shared.finish(DONE);
            }
        }

        fn knock(&self) {
            let shared = self.0.as_ref().expect("it has told nothing");
            let before = shared.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                let again = state == KNOCKED && shared.flaw != Flaw::KnockedBefore;
                (again || matches!(state, EMPTY | PARKED)).then_some(KNOCKED)
            });
            if before == Ok(PARKED) && shared.flaw != Flaw::KnockWakesNobody {
                shared.unpark();
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
                KNOCKED => Some(Wait::Knock),
                _ => None,
            }
        }

        fn hear(&self) {
            if self.0.flaw == Flaw::HeardOverTheEnd {
                self.0.state.store(EMPTY, Ordering::Release);
                return;
            }
            let _ =
                self.0.state.compare_exchange(KNOCKED, EMPTY, Ordering::Acquire, Ordering::Relaxed);
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
        knocks_come_before_the_end(with(Flaw::None));
        no_knock_is_lost(with(Flaw::None));
        drop_ends_a_wait_that_was_knocked_at(with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_knock_that_is_not_written_again_is_lost() {
        no_knock_is_lost(with(Flaw::KnockedBefore));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_knock_that_wakes_nobody_is_not_heard() {
        no_knock_is_lost(with(Flaw::KnockWakesNobody));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_knock_that_is_heard_too_late_hides_the_end() {
        drop_ends_a_wait_that_was_knocked_at(with(Flaw::HeardOverTheEnd));
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
