//! Whether the thread is worker 0 of the runtime whose handle is entered, or of another one.
//!
//! A runtime tells of each worker how often it went to sleep and woke: an odd number means that it sleeps.
//! So
//! - worker 0 sleeps, or that number changes while this thread is in a call: it is elsewhere, for certain;
//! - a multi-thread runtime without a task is not what runs the task that this thread is in;
//! - nothing of that is seen: most likely this is it. If the wait gets long, a `current_thread` runtime is
//!   given a task that does nothing: if it is this thread's own, that is kept on this thread, and the queue that
//!   other threads fill stays as it is.
//!
//! The answers are kept for each thread.

use std::cell::Cell;

use tokio::runtime::{Handle, Id, RuntimeFlavor};

/// How many ticks a call waits before it looks closer.
const CLOSER: u32 = 20;
/// How many ticks a refusal is believed though nothing bears it out any more.
const BELIEVED: u32 = 1000;
/// How many runtimes a thread keeps in mind.
const KEPT: usize = 8;
/// How often a task is given: other threads may fill the same queue at that moment.
const GIVEN: usize = 3;

/// What was found out about a runtime whose handle was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This thread runs it.
    Own,
    /// It is another one's, and this thread's refuses `block_in_place`.
    Refused,
}

thread_local! {
    /// Without a destructor.
    static ANSWERS: Cell<[Option<(Id, Answer)>; KEPT]> = const { Cell::new([None; KEPT]) };
}

/// What is kept in mind of a runtime.
pub(crate) fn recall(entered: &Handle) -> Option<Answer> {
    let id = entered.id();
    ANSWERS.get().iter().flatten().find(|(known, _)| *known == id).map(|(_, answer)| *answer)
}

/// Keep an answer in mind, and forget the oldest one.
pub(crate) fn remember(entered: &Handle, answer: Answer) {
    let id = entered.id();
    let mut answers = ANSWERS.get();
    let known = answers.iter().position(|kept| kept.is_some_and(|(known, _)| known == id));
    answers[..=known.unwrap_or(KEPT - 1)].rotate_right(1);
    answers[0] = Some((id, answer));
    ANSWERS.set(answers);
}

/// Whether worker 0 of that runtime is certainly on another thread than this one, which runs a task.
pub(crate) fn is_elsewhere(entered: &Handle) -> bool {
    let multi_thread = entered.runtime_flavor() != RuntimeFlavor::CurrentThread;
    // Tasks of a LocalSet are not counted, but no worker of a multi-thread runtime runs them outside of a
    // task that is.
    naps(entered) % 2 == 1 || multi_thread && entered.metrics().num_alive_tasks() == 0
}

/// How often worker 0 went to sleep and woke.
#[cfg(target_has_atomic = "64")]
fn naps(runtime: &Handle) -> u64 {
    runtime.metrics().worker_park_unpark_count(0)
}

/// tokio does not count it here.
#[cfg(not(target_has_atomic = "64"))]
fn naps(_: &Handle) -> u64 {
    0
}

/// A call looks on a tick, and is not sure that it has to.
#[derive(Debug)]
pub(crate) struct Doubt {
    entered: Handle,
    naps: u64,
    ticks: u32,
}

impl Doubt {
    pub(crate) fn new(entered: Handle) -> Self {
        Self { naps: naps(&entered), entered, ticks: 0 }
    }

    /// One more tick has passed: whether `block_in_place` is to be asked now.
    pub(crate) fn is_confirmed(&mut self) -> bool {
        self.ticks += 1;
        let elsewhere = is_elsewhere(&self.entered) || naps(&self.entered) != self.naps;
        match recall(&self.entered) {
            // As it was when that was found out.
            Some(Answer::Refused) if elsewhere => {
                self.ticks = 0;
                false
            }
            Some(Answer::Refused) => self.ticks == BELIEVED,
            Some(Answer::Own) | None if elsewhere => true,
            None if self.ticks == CLOSER => !self.is_own(),
            Some(Answer::Own) | None => false,
        }
    }

    /// Whether what this thread gives to the runtime stays on this thread.
    fn is_own(&self) -> bool {
        let metrics = self.entered.metrics();
        let goes_out = || {
            let before = metrics.global_queue_depth();
            drop(self.entered.spawn(async {}));
            metrics.global_queue_depth() > before
        };
        let own = !(0..GIVEN).all(|_| goes_out());
        if own {
            remember(&self.entered, Answer::Own);
        }
        own
    }
}
