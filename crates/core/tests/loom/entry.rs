//! The entry queue: each message is taken once, no wake-up is lost, one ring ends one sleep.

use std::collections::VecDeque;
use std::sync::Arc;
// Not loom's: counts for the closing assertions, of which no thread makes a decision.
use std::sync::atomic::AtomicUsize as Count;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use sideloop_core::entry::{Closed, Entry, Push, Sleep};

use crate::bell::{Bell, Flag, Token};

/// What an entry queue does, so that the models can meet a broken one.
pub(crate) trait Queue: Send + Sync + 'static {
    fn push(&self, message: u32) -> Result<Push, Closed<u32>>;
    fn take(&self, batch: &mut VecDeque<u32>);
    fn prepare_sleep(&self) -> Sleep;
    fn close(&self) -> VecDeque<u32>;
}

impl Queue for Entry<u32> {
    fn push(&self, message: u32) -> Result<Push, Closed<u32>> {
        self.push(message)
    }

    fn take(&self, batch: &mut VecDeque<u32>) {
        self.take(batch);
    }

    fn prepare_sleep(&self) -> Sleep {
        self.prepare_sleep()
    }

    fn close(&self) -> VecDeque<u32> {
        self.close()
    }
}

/// What the threads of a model share.
struct Loop<Q, B> {
    queue: Q,
    bell: B,
    stopping: AtomicBool,
    rings: Count,
}

impl<Q: Queue, B: Bell> Loop<Q, B> {
    fn of_this_thread(queue: Q) -> Arc<Self> {
        let bell = B::of_this_thread();
        let (stopping, rings) = (AtomicBool::new(false), Count::new(0));
        Arc::new(Self { queue, bell, stopping, rings })
    }

    /// A pusher's part; the message comes back if the queue is closed.
    fn push(&self, message: u32) -> Option<u32> {
        match self.queue.push(message) {
            Ok(Push::Wake) => {
                self.rings.fetch_add(1, Ordering::Relaxed);
                self.bell.ring();
                None
            }
            Ok(Push::Awake) => None,
            Err(Closed(message)) => Some(message),
        }
    }

    /// A closer's part: no more messages, then stop, then one ring in any case.
    fn close(&self) -> VecDeque<u32> {
        let left = self.queue.close();
        // ORDERING: Release, Acquire: as the stop of a runner; nothing else is published by it.
        self.stopping.store(true, Ordering::Release);
        self.bell.ring();
        left
    }
}

/// Two pushers, and a loop thread that sleeps whenever it has nothing to do.
fn each_message_is_taken_once<Q: Queue, B: Bell>(make: impl Fn() -> Q + Send + Sync + 'static) {
    loom::model(move || {
        let it = Loop::<Q, B>::of_this_thread(make());
        let pushers = [1, 2].map(|message| {
            let it = Arc::clone(&it);
            thread::spawn(move || assert_eq!(it.push(message), None))
        });
        let mut taken = VecDeque::new();
        let mut sleeps = 0;
        loop {
            it.queue.take(&mut taken);
            if taken.len() == 2 {
                break;
            }
            if it.queue.prepare_sleep() == Sleep::Sleep {
                sleeps += 1;
                it.bell.hear();
            }
        }
        for pusher in pushers {
            pusher.join().expect("the pusher ends");
        }
        assert!(taken == [1, 2] || taken == [2, 1], "taken: {taken:?}");
        assert_eq!(it.rings.load(Ordering::Relaxed), sleeps, "one ring for one sleep");
    });
}

/// The loop thread's first sleep ends by itself, as one that I/O or a timer ends: the ring for it
/// may come late, and then ends a later sleep early.
fn a_late_ring_does_no_harm<Q: Queue, B: Bell>(make: impl Fn() -> Q + Send + Sync + 'static) {
    loom::model(move || {
        let it = Loop::<Q, B>::of_this_thread(make());
        let pusher = {
            let it = Arc::clone(&it);
            thread::spawn(move || {
                assert_eq!(it.push(1), None);
                assert_eq!(it.push(2), None);
            })
        };
        let mut taken = VecDeque::new();
        let mut sleeps = usize::from(it.queue.prepare_sleep() == Sleep::Sleep);
        loop {
            it.queue.take(&mut taken);
            if taken.len() == 2 {
                break;
            }
            if it.queue.prepare_sleep() == Sleep::Sleep {
                sleeps += 1;
                it.bell.hear();
            }
        }
        pusher.join().expect("the pusher ends");
        assert_eq!(taken, [1, 2], "in the order of their pushes");
        assert!(it.rings.load(Ordering::Relaxed) <= sleeps, "at most one ring for one sleep");
    });
}

/// A closer beside a pusher, and a loop thread that ends once it is told to stop.
fn close_loses_nothing<Q: Queue, B: Bell>(make: impl Fn() -> Q + Send + Sync + 'static) {
    crate::bounded(move || {
        let it = Loop::<Q, B>::of_this_thread(make());
        let pusher = {
            let it = Arc::clone(&it);
            thread::spawn(move || it.push(1))
        };
        let closer = {
            let it = Arc::clone(&it);
            thread::spawn(move || it.close())
        };
        let mut taken = VecDeque::new();
        loop {
            it.queue.take(&mut taken);
            if it.stopping.load(Ordering::Acquire) {
                break;
            }
            if it.queue.prepare_sleep() == Sleep::Sleep {
                it.bell.hear();
            }
        }
        let refused = pusher.join().expect("the pusher ends");
        let left = closer.join().expect("the closer ends");
        assert!(it.queue.close().is_empty(), "nothing comes in after");
        let copies = taken.len() + left.len() + usize::from(refused.is_some());
        assert_eq!(copies, 1, "taken {taken:?}, left {left:?}, refused {refused:?}");
    });
}

/// Two pushes of one thread while another closes: a prefix gets in, in order.
fn close_cuts_once<Q: Queue>(make: impl Fn() -> Q + Send + Sync + 'static) {
    loom::model(move || {
        let queue = Arc::new(make());
        let closer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.close())
        };
        let refused = [1, 2].map(|message| queue.push(message).is_err());
        let left = closer.join().expect("the closer ends");
        assert_ne!(refused, [true, false], "it opened again");
        let accepted = refused.iter().filter(|refused| !**refused).count();
        assert_eq!(left, &[1, 2][..accepted]);
    });
}

#[test]
fn each_message_is_taken_once_with_a_flag_as_the_bell() {
    each_message_is_taken_once::<_, Flag>(Entry::default);
}

#[test]
fn each_message_is_taken_once_with_the_park_token_as_the_bell() {
    each_message_is_taken_once::<_, Token>(Entry::default);
}

#[test]
fn a_late_ring_does_no_harm_with_a_flag_as_the_bell() {
    a_late_ring_does_no_harm::<_, Flag>(Entry::default);
}

#[test]
fn close_loses_nothing_with_a_flag_as_the_bell() {
    close_loses_nothing::<_, Flag>(Entry::default);
}

#[test]
fn close_cuts_a_pushers_messages_once() {
    close_cuts_once(Entry::default);
}

#[test]
fn a_push_rings_only_between_the_last_look_and_the_next_take() {
    loom::model(|| {
        let (queue, mut batch) = (Entry::default(), VecDeque::new());
        assert_eq!(queue.push(1).ok(), Some(Push::Awake));
        assert_eq!(queue.prepare_sleep(), Sleep::Stay);
        queue.take(&mut batch);
        assert_eq!(queue.prepare_sleep(), Sleep::Sleep);
        assert_eq!(queue.push(2).ok(), Some(Push::Wake));
        assert_eq!(queue.push(3).ok(), Some(Push::Awake));
        queue.take(&mut batch);
        assert_eq!(queue.prepare_sleep(), Sleep::Sleep);
        queue.take(&mut batch);
        assert_eq!(queue.push(4).ok(), Some(Push::Awake), "the loop thread woke by itself");
        assert_eq!(batch, [1, 2, 3]);
    });
}

/// Copies of the entry queue with one flaw each.
mod seeded {
    use loom::sync::Mutex;

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// `prepare_sleep` takes the loop thread's word that the queue is empty.
        NoLastLook,
        /// The flag goes up and down beside the lock.
        FlagOutsideTheLock,
        /// A push reads the flag and leaves it up.
        FlagStaysUp,
        /// `close` takes what is there, then lets no more in.
        CloseInTwoSteps,
    }

    struct Broken {
        flaw: Flaw,
        messages: Mutex<(VecDeque<u32>, bool)>,
        asleep: AtomicBool,
    }

    impl Broken {
        fn with(flaw: Flaw) -> impl Fn() -> Self {
            move || Self {
                flaw,
                messages: Mutex::new((VecDeque::new(), true)),
                asleep: AtomicBool::new(false),
            }
        }
    }

    impl Queue for Broken {
        fn push(&self, message: u32) -> Result<Push, Closed<u32>> {
            let mut state = self.messages.lock().expect("not poisoned");
            if !state.1 {
                return Err(Closed(message));
            }
            state.0.push_back(message);
            let locked = (self.flaw != Flaw::FlagOutsideTheLock).then_some(state);
            // ORDERING: SeqCst, so that the ordering is not what fails.
            let asleep = match self.flaw {
                Flaw::FlagStaysUp => self.asleep.load(Ordering::SeqCst),
                _ => self.asleep.swap(false, Ordering::SeqCst),
            };
            drop(locked);
            Ok(if asleep { Push::Wake } else { Push::Awake })
        }

        fn take(&self, batch: &mut VecDeque<u32>) {
            let mut state = self.messages.lock().expect("not poisoned");
            self.asleep.store(false, Ordering::SeqCst);
            batch.append(&mut state.0);
        }

        fn prepare_sleep(&self) -> Sleep {
            let state = self.messages.lock().expect("not poisoned");
            if !state.0.is_empty() && self.flaw != Flaw::NoLastLook {
                return Sleep::Stay;
            }
            let locked = (self.flaw != Flaw::FlagOutsideTheLock).then_some(state);
            self.asleep.store(true, Ordering::SeqCst);
            drop(locked);
            Sleep::Sleep
        }

        fn close(&self) -> VecDeque<u32> {
            let mut state = self.messages.lock().expect("not poisoned");
            let left = std::mem::take(&mut state.0);
            if self.flaw == Flaw::CloseInTwoSteps {
                drop(state);
                state = self.messages.lock().expect("not poisoned");
            }
            state.1 = false;
            left
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        each_message_is_taken_once::<_, Flag>(Broken::with(Flaw::None));
        a_late_ring_does_no_harm::<_, Flag>(Broken::with(Flaw::None));
        close_loses_nothing::<_, Flag>(Broken::with(Flaw::None));
        close_cuts_once(Broken::with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn no_last_look_loses_a_wake_up() {
        each_message_is_taken_once::<_, Flag>(Broken::with(Flaw::NoLastLook));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn no_last_look_loses_a_wake_up_of_the_park_token_too() {
        each_message_is_taken_once::<_, Token>(Broken::with(Flaw::NoLastLook));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_flag_outside_the_lock_loses_a_wake_up() {
        each_message_is_taken_once::<_, Flag>(Broken::with(Flaw::FlagOutsideTheLock));
    }

    #[test]
    #[should_panic(expected = "one ring for one sleep")]
    fn a_flag_that_stays_up_rings_twice() {
        each_message_is_taken_once::<_, Flag>(Broken::with(Flaw::FlagStaysUp));
    }

    #[test]
    #[should_panic(expected = "nothing comes in after")]
    fn a_close_in_two_steps_loses_a_message() {
        close_loses_nothing::<_, Flag>(Broken::with(Flaw::CloseInTwoSteps));
    }
}
