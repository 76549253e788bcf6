//! The caller's bell: each ring ends a wait, and what was written before it is seen after.

use std::sync::Arc;
use std::time::Instant;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use sideloop_core::bell::{Bell, Heard};

/// What a bell does, so that the models can meet a broken one.
pub(crate) trait Rings: Send + Sync + 'static {
    fn ring(&self);
    fn take(&self) -> bool;
    fn wait(&self, limit: Option<Instant>) -> Heard;
}

impl Rings for Bell {
    fn ring(&self) {
        self.ring();
    }

    fn take(&self) -> bool {
        self.take()
    }

    fn wait(&self, limit: Option<Instant>) -> Heard {
        self.wait(limit)
    }
}

const OUTCOME: u32 = 22;

/// Start a thread that makes something ready, and rings.
fn rung(bell: &Arc<impl Rings>) -> Arc<AtomicU32> {
    let ready = Arc::new(AtomicU32::new(0));
    let (stored, bell) = (Arc::clone(&ready), Arc::clone(bell));
    thread::spawn(move || {
        // ORDERING: Relaxed: the bell alone has to publish it.
        stored.store(OUTCOME, Ordering::Relaxed);
        bell.ring();
    });
    ready
}

fn assert_seen(ready: &AtomicU32) {
    let seen = ready.load(Ordering::Relaxed);
    assert_eq!(seen, OUTCOME, "what is written before the ring is seen after it");
}

fn a_ring_ends_a_wait<B: Rings>(make: impl Fn() -> B + Send + Sync + 'static) {
    loom::model(move || {
        let bell = Arc::new(make());
        let ready = rung(&bell);
        assert_eq!(bell.wait(None), Heard::Ring);
        assert_seen(&ready);
        assert!(!bell.take(), "it is quiet again");
    });
}

fn a_ring_ends_a_spin_or_the_wait_after<B: Rings>(make: impl Fn() -> B + Send + Sync + 'static) {
    loom::model(move || {
        let bell = Arc::new(make());
        let ready = rung(&bell);
        if !bell.take() {
            thread::yield_now();
            assert_eq!(bell.wait(None), Heard::Ring);
        }
        assert_seen(&ready);
    });
}

/// The limit has passed already: loom's time stands still.
fn a_ring_ends_the_wait_after_a_limit<B: Rings>(make: impl Fn() -> B + Send + Sync + 'static) {
    let passed = Instant::now();
    loom::model(move || {
        let bell = Arc::new(make());
        let ready = rung(&bell);
        if bell.wait(Some(passed)) == Heard::Nothing {
            assert_eq!(bell.wait(None), Heard::Ring);
        }
        assert_seen(&ready);
    });
}

/// As a future does that waits for two things: it is polled until it has seen both.
fn of_two_rings_neither_is_lost<B: Rings>(make: impl Fn() -> B + Send + Sync + 'static) {
    crate::bounded(move || {
        let bell = Arc::new(make());
        let (one, other) = (rung(&bell), rung(&bell));
        let ready = |part: &AtomicU32| part.load(Ordering::Relaxed) == OUTCOME;
        while !(ready(&one) && ready(&other)) {
            let _ = bell.wait(None);
        }
    });
}

/// A waker outlives its call, and the bell serves the next one.
fn a_late_ring_does_no_harm<B: Rings>(make: impl Fn() -> B + Send + Sync + 'static) {
    crate::bounded(move || {
        let bell = Arc::new(make());
        let late = Arc::clone(&bell);
        let rings = thread::spawn(move || late.ring());
        let ready = rung(&bell);
        while ready.load(Ordering::Relaxed) != OUTCOME {
            let _ = bell.wait(None);
        }
        rings.join().expect("it rings into the void");
    });
}

#[test]
fn a_ring_wakes_a_thread_that_waits() {
    a_ring_ends_a_wait(Bell::default);
}

#[test]
fn a_ring_is_seen_by_a_spin_or_wakes_the_wait_after_it() {
    a_ring_ends_a_spin_or_the_wait_after(Bell::default);
}

#[test]
fn a_ring_wakes_a_thread_that_waits_anew_after_its_limit() {
    a_ring_ends_the_wait_after_a_limit(Bell::default);
}

#[test]
fn two_rings_show_what_both_have_to_show() {
    of_two_rings_neither_is_lost(Bell::default);
}

#[test]
fn a_ring_for_an_earlier_call_leaves_the_next_ones_alone() {
    a_late_ring_does_no_harm(Bell::default);
}

/// Copies of the bell with one flaw each.
mod seeded {
    use loom::sync::atomic::AtomicU8;
    use loom::sync::{Condvar, Mutex};

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// The ring publishes nothing.
        RungRelaxed,
        /// The ring is stored after a look whether somebody waits.
        LoadThenStore,
        /// A bell that has rung is not rung again.
        OnceIsEnough,
        /// The notification does not wait for the lock.
        NotifyWithoutTheLock,
        /// The waiter looks before it takes the lock, not under it.
        LookBeforeTheLock,
        /// A waiter that leaves makes the bell quiet, whatever it was.
        LeaveForgets,
    }

    const QUIET: u8 = 0;
    const AWAITED: u8 = 1;
    const RUNG: u8 = 2;

    struct Broken {
        flaw: Flaw,
        state: AtomicU8,
        lock: Mutex<()>,
        wake: Condvar,
    }

    impl Rings for Broken {
        fn ring(&self) {
            let before = match self.flaw {
                Flaw::RungRelaxed => self.state.swap(RUNG, Ordering::Relaxed),
                Flaw::LoadThenStore => {
                    let before = self.state.load(Ordering::Acquire);
                    self.state.store(RUNG, Ordering::Release);
                    before
                }
                Flaw::OnceIsEnough if self.state.load(Ordering::Relaxed) == RUNG => RUNG,
                _ => self.state.swap(RUNG, Ordering::AcqRel),
            };
            if before == AWAITED {
                if self.flaw != Flaw::NotifyWithoutTheLock {
                    drop(self.lock.lock().expect("not poisoned"));
                }
                self.wake.notify_one();
            }
        }

        fn take(&self) -> bool {
            self.state.compare_exchange(RUNG, QUIET, Ordering::Acquire, Ordering::Relaxed).is_ok()
        }

        fn wait(&self, limit: Option<Instant>) -> Heard {
            let exchange = |from, to| {
                self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            };
            exchange(QUIET, AWAITED);
            let early = self.flaw == Flaw::LookBeforeTheLock && self.take();
            let mut guard = self.lock.lock().expect("not poisoned");
            if self.flaw == Flaw::LookBeforeTheLock {
                if early {
                    return Heard::Ring;
                }
                guard = self.wake.wait(guard).expect("not poisoned");
            }
            loop {
                if self.take() {
                    return Heard::Ring;
                }
                if limit.is_some() {
                    if self.flaw == Flaw::LeaveForgets {
                        self.state.store(QUIET, Ordering::Relaxed);
                        return Heard::Nothing;
                    }
                    let left = exchange(AWAITED, QUIET);
                    return if !left && self.take() { Heard::Ring } else { Heard::Nothing };
                }
                guard = self.wake.wait(guard).expect("not poisoned");
            }
        }
    }

    fn with(flaw: Flaw) -> impl Fn() -> Broken {
        move || {
            let (lock, wake) = (Mutex::new(()), Condvar::new());
            Broken { flaw, state: AtomicU8::new(QUIET), lock, wake }
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        a_ring_ends_a_wait(with(Flaw::None));
        a_ring_ends_a_spin_or_the_wait_after(with(Flaw::None));
        a_ring_ends_the_wait_after_a_limit(with(Flaw::None));
        of_two_rings_neither_is_lost(with(Flaw::None));
        a_late_ring_does_no_harm(with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "what is written before the ring is seen after it")]
    fn a_relaxed_ring_shows_nothing() {
        a_ring_ends_a_spin_or_the_wait_after(with(Flaw::RungRelaxed));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_look_then_a_store_lose_the_wake_up() {
        a_ring_ends_a_wait(with(Flaw::LoadThenStore));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_ring_left_out_shows_nothing_of_its_own() {
        of_two_rings_neither_is_lost(with(Flaw::OnceIsEnough));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_notification_without_the_lock_is_lost() {
        a_ring_ends_a_wait(with(Flaw::NotifyWithoutTheLock));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_look_before_the_lock_misses_the_ring() {
        a_ring_ends_a_wait(with(Flaw::LookBeforeTheLock));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_waiter_that_forgets_on_leaving_loses_the_ring() {
        a_ring_ends_the_wait_after_a_limit(with(Flaw::LeaveForgets));
    }
}
