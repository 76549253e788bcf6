//! The phase cell: the caller's thread and the loop thread agree on who owns the outcome.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use sideloop_core::phase::{Abandon, Begin, Cancel, Complete, PhaseCell};

/// What a phase cell does, so that the models can meet a broken one.
pub(crate) trait Cell: Send + Sync + 'static {
    fn begin(&self) -> Begin;
    fn cancel(&self) -> Cancel;
    fn complete(&self) -> Complete;
    fn abandon(&self) -> Abandon;
}

impl Cell for PhaseCell {
    fn begin(&self) -> Begin {
        self.begin()
    }

    fn cancel(&self) -> Cancel {
        self.cancel()
    }

    fn complete(&self) -> Complete {
        self.complete()
    }

    fn abandon(&self) -> Abandon {
        self.abandon()
    }
}

/// A call as both threads see it.
struct Call<C> {
    phase: C,
    outcome: AtomicU32,
}

const OUTCOME: u32 = 22;

impl<C: Cell> Call<C> {
    fn queued(phase: C) -> Arc<Self> {
        Arc::new(Self { phase, outcome: AtomicU32::new(0) })
    }

    fn running(phase: C) -> Arc<Self> {
        assert_eq!(phase.begin(), Begin::Run);
        Self::queued(phase)
    }

    /// The loop thread's end of the call.
    fn finish(&self) -> Complete {
        // ORDERING: Relaxed: the phase alone has to publish it.
        self.outcome.store(OUTCOME, Ordering::Relaxed);
        self.phase.complete()
    }

    /// The caller leaves, or takes the outcome; whether it left.
    fn leave(&self) -> Abandon {
        let abandon = self.phase.abandon();
        if abandon == Abandon::TakeOutcome {
            let outcome = self.outcome.load(Ordering::Relaxed);
            assert_eq!(outcome, OUTCOME, "the outcome is stored before the phase is Done");
        }
        abandon
    }
}

/// Cancelled before it began, or told to stop while it runs: one of them.
fn cancel_or_begin<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::queued(make());
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || call.phase.begin())
        };
        let cancel = call.phase.cancel();
        let begin = loop_thread.join().expect("the loop thread ends");
        let both = (cancel, begin);
        assert!(
            matches!(both, (Cancel::NeverRan, Begin::Skip) | (Cancel::Interrupt, Begin::Run)),
            "never ran, and ran: {both:?}"
        );
    });
}

/// Whether or not the cancel came in time, the outcome goes to the caller, who still waits.
fn a_cancelled_call_delivers<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::running(make());
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || call.finish())
        };
        let cancel = call.phase.cancel();
        assert!(matches!(cancel, Cancel::Interrupt | Cancel::Nothing), "it ran: {cancel:?}");
        let complete = loop_thread.join().expect("the loop thread ends");
        assert_eq!(complete, Complete::Deliver);
        assert_eq!(call.leave(), Abandon::TakeOutcome);
    });
}

/// Either the caller leaves and the loop thread drops the outcome, or it is the caller's.
fn assert_one_owner(complete: Complete, abandon: Abandon) {
    let expected = match complete {
        Complete::Deliver => Abandon::TakeOutcome,
        Complete::Drop => Abandon::Leave,
    };
    assert_eq!(abandon, expected, "not exactly one owner of the outcome: {complete:?}");
}

fn abandon_or_complete<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::running(make());
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || call.finish())
        };
        let abandon = call.leave();
        let complete = loop_thread.join().expect("the loop thread ends");
        assert_one_owner(complete, abandon);
    });
}

/// A caller that leaves before or after the call begins: what runs is dropped.
fn abandon_or_begin<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::queued(make());
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || call.phase.begin())
        };
        assert_eq!(call.leave(), Abandon::Leave);
        match loop_thread.join().expect("the loop thread ends") {
            Begin::Run => assert_eq!(call.finish(), Complete::Drop),
            Begin::Skip => {}
        }
        assert_eq!(call.phase.begin(), Begin::Skip, "it does not begin any more");
    });
}

/// A whole life: the caller cancels, then leaves; the loop thread begins, then completes.
fn one_owner_at_the_end<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::queued(make());
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || match call.phase.begin() {
                Begin::Run => Some(call.finish()),
                Begin::Skip => None,
            })
        };
        let cancel = call.phase.cancel();
        let abandon = (cancel != Cancel::NeverRan).then(|| call.leave());
        let complete = loop_thread.join().expect("the loop thread ends");
        assert_eq!(complete.is_none(), cancel == Cancel::NeverRan, "never ran, and ran");
        if let (Some(complete), Some(abandon)) = (complete, abandon) {
            assert_one_owner(complete, abandon);
        }
    });
}

/// A call that a closing runner sends back, while its caller cancels it.
fn sent_back_or_cancelled<C: Cell>(make: impl Fn() -> C + Send + Sync + 'static) {
    loom::model(move || {
        let call = Call::queued(make());
        let closer = {
            let call = Arc::clone(&call);
            thread::spawn(move || call.finish())
        };
        let cancel = call.phase.cancel();
        let complete = closer.join().expect("the closer ends");
        let expected = match complete {
            Complete::Deliver => Cancel::Nothing,
            Complete::Drop => Cancel::NeverRan,
        };
        assert_eq!(cancel, expected, "not exactly one owner of the outcome: {complete:?}");
        assert_one_owner(complete, call.leave());
    });
}

#[test]
fn a_cancel_and_a_begin_agree() {
    cancel_or_begin(PhaseCell::default);
}

#[test]
fn a_cancelled_call_delivers_to_the_caller_who_waits() {
    a_cancelled_call_delivers(PhaseCell::default);
}

#[test]
fn an_abandon_and_a_complete_leave_one_owner() {
    abandon_or_complete(PhaseCell::default);
}

#[test]
fn an_abandon_and_a_begin_drop_what_runs() {
    abandon_or_begin(PhaseCell::default);
}

#[test]
fn a_cancel_then_an_abandon_leave_one_owner() {
    one_owner_at_the_end(PhaseCell::default);
}

#[test]
fn a_call_sent_back_while_cancelled_has_one_owner() {
    sent_back_or_cancelled(PhaseCell::default);
}

/// Copies of the phase cell with one flaw each.
mod seeded {
    use loom::sync::atomic::AtomicU8;

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// A step looks, then stores.
        LoadThenStore,
        /// A step publishes nothing.
        StoredRelaxed,
        /// `begin` does not look whether the caller has left.
        BeginBlind,
    }

    const QUEUED: u8 = 0;
    const RUNNING: u8 = 1;
    const CANCELLING: u8 = 2;
    const DONE: u8 = 3;
    const ABANDONED: u8 = 4;

    struct Broken {
        flaw: Flaw,
        phase: AtomicU8,
    }

    impl Broken {
        fn with(flaw: Flaw) -> impl Fn() -> Self {
            move || Self { flaw, phase: AtomicU8::new(QUEUED) }
        }

        fn step(&self, next: impl Fn(u8) -> Option<u8>) -> u8 {
            let (set, fetch) = match self.flaw {
                Flaw::StoredRelaxed => (Ordering::Relaxed, Ordering::Acquire),
                Flaw::None | Flaw::LoadThenStore | Flaw::BeginBlind => {
                    (Ordering::AcqRel, Ordering::Acquire)
                }
            };
            if self.flaw == Flaw::LoadThenStore {
                let found = self.phase.load(Ordering::Acquire);
                if let Some(next) = next(found) {
                    self.phase.store(next, Ordering::Release);
                }
                return found;
            }
            match self.phase.fetch_update(set, fetch, next) {
                Ok(found) | Err(found) => found,
            }
        }
    }

    impl Cell for Broken {
        fn begin(&self) -> Begin {
            let blind = self.flaw == Flaw::BeginBlind;
            let found = self.step(|phase| (blind || phase == QUEUED).then_some(RUNNING));
            if blind || found == QUEUED { Begin::Run } else { Begin::Skip }
        }

        fn cancel(&self) -> Cancel {
            let found = self.step(|phase| match phase {
                QUEUED => Some(ABANDONED),
                RUNNING => Some(CANCELLING),
                _ => None,
            });
            match found {
                QUEUED => Cancel::NeverRan,
                RUNNING => Cancel::Interrupt,
                _ => Cancel::Nothing,
            }
        }

        fn complete(&self) -> Complete {
            let found = self.step(|phase| (phase < DONE).then_some(DONE));
            if found < DONE { Complete::Deliver } else { Complete::Drop }
        }

        fn abandon(&self) -> Abandon {
            let found = self.step(|phase| (phase != DONE).then_some(ABANDONED));
            if found == DONE { Abandon::TakeOutcome } else { Abandon::Leave }
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        cancel_or_begin(Broken::with(Flaw::None));
        a_cancelled_call_delivers(Broken::with(Flaw::None));
        abandon_or_complete(Broken::with(Flaw::None));
        abandon_or_begin(Broken::with(Flaw::None));
        one_owner_at_the_end(Broken::with(Flaw::None));
        sent_back_or_cancelled(Broken::with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "not exactly one owner of the outcome: Deliver")]
    fn a_look_then_a_store_deliver_to_a_caller_who_left() {
        abandon_or_complete(Broken::with(Flaw::LoadThenStore));
    }

    #[test]
    #[should_panic(expected = "never ran, and ran: (NeverRan, Run)")]
    fn a_look_then_a_store_run_what_was_cancelled() {
        cancel_or_begin(Broken::with(Flaw::LoadThenStore));
    }

    #[test]
    #[should_panic(expected = "the outcome is stored before the phase is Done")]
    fn a_relaxed_step_shows_no_outcome() {
        abandon_or_complete(Broken::with(Flaw::StoredRelaxed));
    }

    #[test]
    #[should_panic(expected = "never ran, and ran")]
    fn a_begin_that_does_not_look_runs_what_was_cancelled() {
        one_owner_at_the_end(Broken::with(Flaw::BeginBlind));
    }
}
