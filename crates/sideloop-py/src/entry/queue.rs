//! The entry of one loop: the queue of messages, the bell that wakes the loop thread, and the
//! hand-offs that wait for it to detach.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use sideloop_core::entry::{Closed, Entry as Queue, Push, Sleep};
use sideloop_core::generation;
use sideloop_core::handoff::Completer;
use sideloop_core::spin::{History, NextCall};
use sideloop_core::stop::Stop;

use super::bell::Bell;
use super::cpus::Seat;
use crate::python::lock::lock;

/// Shared by the callers' threads and the loop thread. Holds no lock while Python code runs.
pub(crate) struct Entry {
    /// What has come in and is to be looked at by whoever drains: it says by itself what is to be done.
    queue: Queue<Py<PyAny>>,
    pub(crate) bell: Bell,
    /// Whether a spin may be worth it.
    pub(crate) next_call: NextCall,
    /// Hand-offs whose outcome is stored, to be completed once the loop thread has detached.
    finished: Mutex<Vec<Completer>>,
    /// There are any: only the loop thread adds and takes them.
    has_finished: AtomicBool,
    /// The loop thread went on attached when it completed the last ones.
    goes_on: AtomicBool,
    generation: u32,
    /// No call enters any more.
    closed: AtomicBool,
    /// Whether the loop thread is to leave its loop.
    stop: Stop,
    /// Where callers and the loop thread were when they waited last.
    pub(crate) caller_seat: Seat,
    pub(crate) loop_seat: Seat,
    /// How long callers wait for outcomes.
    pub(crate) outcomes: History,
    /// How long those who were told wait for the loop thread to detach.
    pub(crate) detaches: History,
    /// How long the loop thread waits for messages.
    pub(crate) messages: History,
}

impl Entry {
    pub(crate) fn new(bell: Bell) -> Self {
        Self {
            queue: Queue::default(),
            bell,
            next_call: NextCall::default(),
            finished: Mutex::default(),
            has_finished: AtomicBool::new(false),
            goes_on: AtomicBool::new(false),
            generation: generation::current(),
            closed: AtomicBool::new(false),
            stop: Stop::default(),
            caller_seat: Seat::new(),
            loop_seat: Seat::new(),
            outcomes: History::default(),
            detaches: History::default(),
            messages: History::default(),
        }
    }

    /// Whether a call made now would be served: open, and not inherited through a fork.
    pub(crate) fn accepts(&self) -> bool {
        // ORDERING: Relaxed: a hint; the queue's own lock decides.
        !self.closed.load(Ordering::Relaxed) && !self.is_orphaned()
    }

    /// Whether this was inherited through a fork: no thread of this process runs the loop.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.generation != generation::current()
    }

    /// Have the loop thread look around before it sleeps.
    pub(crate) fn knock(&self) -> Push {
        self.queue.knock()
    }

    pub(crate) fn push(&self, message: Py<PyAny>) -> Result<Push, Closed<Py<PyAny>>> {
        self.queue.push(message)
    }

    pub(crate) fn take(&self, batch: &mut VecDeque<Py<PyAny>>) {
        self.queue.take(batch);
    }

    pub(crate) fn prepare_sleep(&self) -> Sleep {
        self.queue.prepare_sleep()
    }

    /// Let no call enter any more; those that nobody took come back.
    pub(crate) fn close(&self) -> VecDeque<Py<PyAny>> {
        self.closed.store(true, Ordering::Relaxed);
        self.queue.close()
    }

    /// Let no call enter any more. One that has just found the door open still may.
    pub(crate) fn begin_draining(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Ask the loop thread to leave its loop; it hears once. The caller rings the bell after.
    pub(crate) fn ask_stop(&self) {
        self.stop.ask();
    }

    /// The loop thread has left its loop, asked or not.
    pub(crate) fn left_loop(&self) {
        self.stop.leave();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_asked()
    }

    /// Whether `loop.stop()` is due now: true once.
    pub(crate) fn take_stop(&self) -> bool {
        self.stop.take()
    }

    pub(crate) fn is_stop_due(&self) -> bool {
        self.stop.is_due()
    }

    /// Whether the loop has something of its entry's to see to: messages, or its stop.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.queue.looks_filled() || self.is_stop_due()
    }

    /// Complete this hand-off at the next `publish`.
    pub(crate) fn defer(&self, completer: Completer) {
        lock(&self.finished).push(completer);
        self.has_finished.store(true, Ordering::Relaxed);
    }

    /// Complete the hand-offs that were deferred, detached or about to wait.
    pub(crate) fn publish(&self) {
        self.goes_on.store(false, Ordering::Relaxed);
        if self.has_finished.load(Ordering::Relaxed) {
            self.complete_finished();
        }
    }

    /// Complete the hand-offs that were deferred, and go on attached, with what those who wait have not asked for.
    pub(crate) fn publish_and_go_on(&self) {
        if self.has_finished.load(Ordering::Relaxed) {
            self.goes_on.store(true, Ordering::Relaxed);
            self.complete_finished();
        }
    }

    /// Whether callers are to be told of something, or one that was told is about to call again.
    pub(crate) fn is_about_callers(&self) -> bool {
        self.has_finished.load(Ordering::Relaxed) || self.next_call.is_expected()
    }

    /// Whether somebody who has just been told would wait for the interpreter: the loop thread has it.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    fn complete_finished(&self) {
        // ORDERING: Relaxed: set and seen by one thread; the hand-offs lie under the lock. `goes_on` is advice.
        self.has_finished.store(false, Ordering::Relaxed);
        loop {
            // The lock is free while a waiter is woken.
            let (next, is_last) = {
                let mut finished = lock(&self.finished);
                (finished.pop(), finished.is_empty())
            };
            next.into_iter().for_each(Completer::complete);
            if is_last {
                return;
            }
        }
    }

    /// Wake the loop thread without the interpreter, if its bell allows.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// The loop is closed: nobody will hear the bell again, and no call enters.
    pub(crate) fn take_bell_away(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.bell.take_away();
    }
}
