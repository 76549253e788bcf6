//! A whole call: submitted through an entry queue, begun, completed, handed off.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::thread;
use sideloop_core::entry::{Closed, Entry, Push, Sleep};
use sideloop_core::handoff::{Completer, Wait, handoff};
use sideloop_core::phase::{Abandon, Begin, Cancel, Complete, PhaseCell};

use crate::bell::{Bell, Flag};

const VALUE: u32 = 22;
const NOT_STARTED: u32 = 1;

#[derive(Default)]
struct Call {
    phase: PhaseCell,
    outcome: AtomicU32,
}

impl Call {
    fn outcome(&self) -> u32 {
        self.outcome.load(Ordering::Relaxed)
    }
}

struct Message {
    call: Arc<Call>,
    completer: Completer,
}

impl Message {
    fn start(self) {
        match self.call.phase.begin() {
            Begin::Run => self.finish(VALUE),
            Begin::Skip => {}
        }
    }

    fn finish(self, outcome: u32) {
        // ORDERING: Relaxed: the phase and the hand-off have to publish it.
        self.call.outcome.store(outcome, Ordering::Relaxed);
        match self.call.phase.complete() {
            Complete::Deliver => self.completer.complete(),
            Complete::Drop => {}
        }
    }
}

/// What the caller, the loop thread and a closer share.
struct Runner {
    entry: Entry<Message>,
    bell: Flag,
    stopping: AtomicBool,
}

impl Runner {
    fn new() -> Arc<Self> {
        let (bell, stopping) = (Flag::of_this_thread(), AtomicBool::new(false));
        Arc::new(Self { entry: Entry::default(), bell, stopping })
    }

    fn submit(&self, message: Message) -> Result<(), Closed<Message>> {
        if self.entry.push(message)? == Push::Wake {
            self.bell.ring();
        }
        Ok(())
    }

    fn close(&self) {
        for message in self.entry.close() {
            message.finish(NOT_STARTED);
        }
        // ORDERING: Release, Acquire: a stop publishes nothing but itself.
        self.stopping.store(true, Ordering::Release);
        self.bell.ring();
    }

    /// The loop thread, until it has started one call or is told to stop.
    fn run(&self) {
        let mut batch = VecDeque::new();
        while batch.is_empty() && !self.stopping.load(Ordering::Acquire) {
            if self.entry.prepare_sleep() == Sleep::Sleep {
                self.bell.hear();
            }
            self.entry.take(&mut batch);
        }
        batch.into_iter().for_each(Message::start);
    }
}

#[test]
fn the_outcome_comes_back() {
    loom::model(|| {
        let runner = Runner::new();
        let loop_thread = Arc::clone(&runner);
        thread::spawn(move || loop_thread.run());

        let call = Arc::new(Call::default());
        let (completer, waiter) = handoff();
        let message = Message { call: Arc::clone(&call), completer };
        assert!(runner.submit(message).is_ok(), "it is open");
        assert_eq!(waiter.park(None), Wait::Done);
        assert_eq!(call.outcome(), VALUE);
    });
}

#[test]
fn a_caller_that_gives_up_knows_what_became_of_its_call() {
    loom::model(|| {
        let runner = Runner::new();
        let loop_thread = Arc::clone(&runner);
        thread::spawn(move || loop_thread.run());

        let call = Arc::new(Call::default());
        let (completer, waiter) = handoff();
        let message = Message { call: Arc::clone(&call), completer };
        assert!(runner.submit(message).is_ok(), "it is open");
        match call.phase.cancel() {
            Cancel::NeverRan => assert_eq!(waiter.park(None), Wait::Gone),
            Cancel::Interrupt | Cancel::Nothing => match call.phase.abandon() {
                Abandon::TakeOutcome => assert_eq!(call.outcome(), VALUE),
                Abandon::Leave => assert_eq!(waiter.park(None), Wait::Gone),
            },
        }
    });
}

#[test]
fn a_call_beside_a_close_is_served_or_sent_back() {
    crate::bounded(|| {
        let runner = Runner::new();
        let loop_thread = Arc::clone(&runner);
        thread::spawn(move || loop_thread.run());
        let closer = Arc::clone(&runner);
        thread::spawn(move || closer.close());

        let call = Arc::new(Call::default());
        let (completer, waiter) = handoff();
        match runner.submit(Message { call: Arc::clone(&call), completer }) {
            Ok(()) => {
                assert_eq!(waiter.park(None), Wait::Done);
                let outcome = call.outcome();
                assert!(matches!(outcome, VALUE | NOT_STARTED), "outcome: {outcome}");
            }
            Err(Closed(message)) => drop(message),
        }
    });
}
