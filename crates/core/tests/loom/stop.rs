//! The stop of a loop: asked for by another thread, while the loop's own hears it or leaves by itself.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use sideloop_core::stop::Stop;

/// What a stop does, so that the models can meet a broken one.
pub(crate) trait Cell: Send + Sync + 'static {
    fn ask(&self);
    fn leave(&self);
    fn is_asked(&self) -> bool;
    fn is_due(&self) -> bool;
    fn take(&self) -> bool;
}

impl Cell for Stop {
    fn ask(&self) {
        self.ask();
    }

    fn leave(&self) {
        self.leave();
    }

    fn is_asked(&self) -> bool {
        self.is_asked()
    }

    fn is_due(&self) -> bool {
        self.is_due()
    }

    fn take(&self) -> bool {
        self.take()
    }
}

/// A loop that leaves by itself is not stopped later, while it unwinds.
fn asked_or_left<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let stop = Arc::new(make());
        let asker = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || stop.ask())
        };
        stop.leave();
        asker.join().expect("the asker ends");
        assert!(stop.is_asked(), "it has left");
        assert!(!stop.is_due(), "a stop is due that nobody needs");
    });
}

/// A stop is heard once, whoever else asks, with what was written before it.
fn heard_once<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let stop = Arc::new((make(), AtomicU32::new(0)));
        let askers = [(); 2].map(|()| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                // ORDERING: Relaxed: the stop has to publish it.
                stop.1.store(1, Ordering::Relaxed);
                stop.0.ask();
            })
        });
        let mut heard = u32::from(stop.0.take());
        if heard > 0 {
            assert_eq!(stop.1.load(Ordering::Relaxed), 1, "the stop came before its reason");
        }
        for asker in askers {
            asker.join().expect("an asker ends");
        }
        heard += u32::from(stop.0.take()) + u32::from(stop.0.take());
        assert_eq!(heard, 1, "heard {heard} times");
    });
}

#[test]
fn a_loop_that_has_left_is_not_stopped_later() {
    asked_or_left(Stop::default);
}

#[test]
fn a_stop_is_heard_once() {
    heard_once(Stop::default);
}

/// Two flags, one set after the other, as it was where the interpreter lock made one step of them.
mod seeded {
    use loom::sync::atomic::AtomicBool;

    use super::*;

    struct TwoFlags {
        asked: AtomicBool,
        due: AtomicBool,
    }

    impl TwoFlags {
        fn new() -> Self {
            Self { asked: AtomicBool::new(false), due: AtomicBool::new(false) }
        }
    }

    impl Cell for TwoFlags {
        fn ask(&self) {
            if !self.asked.swap(true, Ordering::AcqRel) {
                self.due.store(true, Ordering::Release);
            }
        }

        fn leave(&self) {
            self.asked.store(true, Ordering::Release);
            self.due.store(false, Ordering::Release);
        }

        fn is_asked(&self) -> bool {
            self.asked.load(Ordering::Acquire)
        }

        fn is_due(&self) -> bool {
            self.due.load(Ordering::Acquire)
        }

        fn take(&self) -> bool {
            self.is_due() && self.due.swap(false, Ordering::AcqRel)
        }
    }

    #[test]
    fn two_flags_are_heard_once() {
        heard_once(TwoFlags::new);
    }

    #[test]
    #[should_panic(expected = "a stop is due that nobody needs")]
    fn two_flags_stop_a_loop_that_has_left() {
        asked_or_left(TwoFlags::new);
    }
}
