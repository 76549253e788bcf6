//! What is held: who waits until nothing is, is woken, and sees what those who let go did before.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use sideloop_core::held::{Held, Hold};

use crate::bell::{Bell, Flag};

/// What can be held and waited for, so that the models can meet a broken one.
pub(crate) trait Holds: Send + Sync + 'static {
    type Hold: Send;
    fn hold(&self) -> Self::Hold;
    fn poll_none(&self, context: &mut Context<'_>) -> Poll<()>;
}

struct Sound(loom::sync::Arc<Held>);

impl Holds for Sound {
    type Hold = Hold;

    fn hold(&self) -> Hold {
        Held::hold(&self.0)
    }

    fn poll_none(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_none(context)
    }
}

struct Wakes(Flag);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

const DONE: u32 = 22;

/// Two threads do something and let go; one that waits for both sees what they did.
fn all_that_was_done_is_seen<H: Holds>(make: impl Fn() -> H + Send + Sync + 'static) {
    crate::bounded(move || {
        let held = make();
        let dones: Vec<_> = (0..2)
            .map(|_| {
                let done = Arc::new(AtomicU32::new(0));
                let (does, hold) = (Arc::clone(&done), held.hold());
                thread::spawn(move || {
                    // ORDERING: Relaxed: letting go alone has to publish it.
                    does.store(DONE, Ordering::Relaxed);
                    drop(hold);
                });
                done
            })
            .collect();
        let wakes = Arc::new(Wakes(Flag::of_this_thread()));
        let waker = Waker::from(Arc::clone(&wakes));
        while held.poll_none(&mut Context::from_waker(&waker)).is_pending() {
            wakes.0.hear();
        }
        for done in dones {
            let seen = done.load(Ordering::Relaxed);
            assert_eq!(seen, DONE, "what was done before letting go is seen");
        }
    });
}

#[test]
fn who_waits_sees_what_was_done() {
    all_that_was_done_is_seen(|| Sound(loom::sync::Arc::default()));
}

#[test]
fn one_that_is_held_may_hold_more() {
    loom::model(|| {
        let held = Sound(loom::sync::Arc::default());
        let done = Arc::new(AtomicU32::new(0));
        let (first, more) = (held.hold(), loom::sync::Arc::clone(&held.0));
        let does = Arc::clone(&done);
        thread::spawn(move || {
            let second = Held::hold(&more);
            drop(first);
            does.store(DONE, Ordering::Relaxed);
            drop(second);
        });
        let wakes = Arc::new(Wakes(Flag::of_this_thread()));
        let waker = Waker::from(Arc::clone(&wakes));
        while held.poll_none(&mut Context::from_waker(&waker)).is_pending() {
            wakes.0.hear();
        }
        assert_eq!(done.load(Ordering::Relaxed), DONE);
    });
}

/// Copies with one flaw each.
mod seeded {
    use loom::sync::Mutex;
    use loom::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// Letting go publishes nothing.
        LetGoRelaxed,
        /// The waiter looks first, and then says that it waits.
        LookThenWait,
        /// The last one wakes nobody.
        WakesNobody,
        /// The first one wakes the waiter, and the last one does not.
        WakesOnce,
    }

    struct Inner {
        flaw: Flaw,
        count: AtomicUsize,
        waits: Mutex<Option<Waker>>,
    }

    struct Broken(Arc<Inner>);

    struct Let(Arc<Inner>);

    impl Drop for Let {
        fn drop(&mut self) {
            let order = match self.0.flaw {
                Flaw::LetGoRelaxed => Ordering::Relaxed,
                _ => Ordering::AcqRel,
            };
            let before = self.0.count.fetch_sub(1, order);
            let wakes = match self.0.flaw {
                Flaw::WakesNobody => false,
                Flaw::WakesOnce => before == 2,
                _ => before == 1,
            };
            if wakes {
                let waits = self.0.waits.lock().expect("not poisoned").take();
                if let Some(waits) = waits {
                    waits.wake();
                }
            }
        }
    }

    impl Holds for Broken {
        type Hold = Let;

        fn hold(&self) -> Let {
            self.0.count.fetch_add(1, Ordering::Relaxed);
            Let(Arc::clone(&self.0))
        }

        fn poll_none(&self, context: &mut Context<'_>) -> Poll<()> {
            let early = self.0.count.load(Ordering::Acquire);
            *self.0.waits.lock().expect("not poisoned") = Some(context.waker().clone());
            let seen = match self.0.flaw {
                Flaw::LookThenWait => early,
                _ => self.0.count.load(Ordering::Acquire),
            };
            if seen == 0 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    fn with(flaw: Flaw) -> impl Fn() -> Broken {
        move || {
            let (count, waits) = (AtomicUsize::new(0), Mutex::new(None));
            Broken(Arc::new(Inner { flaw, count, waits }))
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        all_that_was_done_is_seen(with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "what was done before letting go is seen")]
    fn letting_go_relaxed_shows_nothing() {
        all_that_was_done_is_seen(with(Flaw::LetGoRelaxed));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn who_looks_before_it_says_that_it_waits_is_not_woken() {
        all_that_was_done_is_seen(with(Flaw::LookThenWait));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn who_is_not_woken_waits_for_ever() {
        all_that_was_done_is_seen(with(Flaw::WakesNobody));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_wake_up_by_the_first_one_is_not_the_last_ones() {
        all_that_was_done_is_seen(with(Flaw::WakesOnce));
    }
}
