//! The entry queue: pushers, a loop thread that sleeps, a closer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

use sideloop_core::entry::{Closed, Entry, Push, Sleep};

use crate::racing::Jitter;

/// What wakes the loop thread; it remembers a ring that nobody hears yet.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    lock: Mutex<()>,
    heard: Condvar,
    rings: AtomicU32,
}

impl Bell {
    fn ring(&self) {
        // ORDERING: Relaxed: the entry queue's lock publishes the message; the bell only wakes.
        self.rung.store(true, Ordering::Relaxed);
        drop(self.lock.lock());
        self.heard.notify_one();
    }

    fn hear(&self) {
        let mut guard = self.lock.lock().expect("not poisoned");
        while !self.rung.swap(false, Ordering::Relaxed) {
            guard = self.heard.wait(guard).expect("not poisoned");
        }
        drop(guard);
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

pub(crate) fn each_message_is_taken_once(rounds: u32) {
    let (entry, bell) = (Entry::<(u32, u32)>::default(), Bell::default());
    let mut sleeps = 0;
    thread::scope(|scope| {
        let (entry, bell) = (&entry, &bell);
        let push_all = |pusher| {
            move || {
                let mut jitter = Jitter(pusher + 1);
                for round in 0..rounds {
                    assert!(bell.push(entry, (pusher, round)).is_ok(), "it is open");
                    jitter.pause();
                }
            }
        };
        let pushers = Vec::from_iter((0..PUSHERS).map(|pusher| scope.spawn(push_all(pusher))));
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
        for pusher in pushers {
            pusher.join().expect("the pusher ends");
        }
    });
    assert_eq!(bell.rings.into_inner(), sleeps, "one ring for one sleep");
}

pub(crate) fn close_loses_nothing(rounds: u32) {
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
        let all = Vec::from_iter(taken.into_iter().chain(left));
        assert_eq!(all, Vec::from_iter(0..pushed), "taken, then left over, in order");
    }
}
