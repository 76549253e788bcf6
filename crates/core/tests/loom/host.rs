//! The host, under its owner's lock: callers and the loop thread at once. What is decided between a look and a
//! deed has to be one transition; the copies with a flaw look, let go of the lock, and then do it.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Mutex, MutexGuard};
use loom::thread;
use sideloop_core::handoff::{Completer, Wait, handoff};
use sideloop_core::host::{
    Arrive, Asker, Close, Ended, Host, Item, Kind, Look, Made, Outcome, Outlast, Parts, Rise, Sit,
    Time, Wish,
};

struct Model;

impl Parts for Model {
    type Call = Call;
    type Work = ();
    type Awaiting = ();
    type Object = ();
    type Outcome = Value;
}

/// Who asked, and whether he still waits: he may leave.
#[derive(Clone)]
struct Call(Arc<AtomicBool>);

impl Call {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Asker for Call {
    fn waits(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Value;

impl Outcome for Value {
    fn is_error(&self) -> bool {
        false
    }
}

/// What is done to a host by more than one thread, so that the models can meet a broken owner.
trait Owner: Send + Sync + 'static {
    fn host(&self) -> MutexGuard<'_, Host<Model>>;

    fn sit(&self) -> Sit {
        self.host().sit()
    }

    fn take_item(&self) -> Item<Value> {
        self.host().take_item()
    }

    fn close(&self) -> Close {
        self.host().close()
    }

    fn outlast(&self, completer: Completer) {
        match self.host().outlast(completer) {
            Outlast::Wait => {}
            Outlast::Nothing(completer) => completer.complete(),
        }
    }

    fn end(&self) {
        let rest = self.host().end();
        rest.outlasting.into_iter().for_each(Completer::complete);
    }

    fn give_up(&self, call: &Call) {
        call.leave();
        assert!(matches!(self.host().rise(), Rise::Open));
    }
}

struct Right(Mutex<Host<Model>>);

impl Owner for Right {
    fn host(&self) -> MutexGuard<'_, Host<Model>> {
        self.0.lock().expect("no thread panics with it")
    }
}

fn right(host: Host<Model>) -> Right {
    Right(Mutex::new(host))
}

fn item(call: &Call) -> Wish<Model> {
    Wish { call: call.clone(), kind: Kind::Item, work: () }
}

/// A host whose first step runs, for this caller.
fn stepping(read_ahead: usize, call: &Call) -> Host<Model> {
    let mut host = Host::new(read_ahead);
    assert_eq!(host.sit(), Sit::Seated);
    assert!(matches!(host.arrive(item(call)), Arrive::Make));
    assert_eq!(host.made(), Made::Runs);
    assert!(matches!(host.look(Time::Spare), Look::Begin(())));
    host
}

/// One whose first item was taken, and that makes the next one ahead.
fn reading_ahead() -> Host<Model> {
    let call = Call::new();
    let mut host = stepping(2, &call);
    assert!(matches!(host.ended(Value), Ended::Tell(..)));
    assert_eq!(host.rise(), Rise::Open);
    assert!(matches!(host.look(Time::Spare), Look::ReadAhead));
    host
}

/// Two callers at once: one of them sits.
fn one_sits<O: Owner>(own: impl Fn(Host<Model>) -> O + Send + Sync + 'static) {
    loom::model(move || {
        let owner = Arc::new(own(Host::new(0)));
        let other = Arc::clone(&owner);
        let other = thread::spawn(move || other.sit());
        let both = [owner.sit(), other.join().expect("it ends")];
        let seated = both.iter().filter(|sit| **sit == Sit::Seated).count();
        assert_eq!(seated, 1, "who sits there: {both:?}");
    });
}

/// A consumer that looks for an item while one is made ahead: whoever found none waits, and then no other is
/// begun before he is told.
fn nothing_is_begun_while_somebody_waits<O: Owner>(
    own: impl Fn(Host<Model>) -> O + Send + Sync + 'static,
) {
    loom::model(move || {
        let owner = Arc::new(own(reading_ahead()));
        let loop_thread = Arc::clone(&owner);
        let loop_thread = thread::spawn(move || {
            let kept = loop_thread.host().ended(Value);
            assert!(matches!(kept, Ended::Kept));
            loop_thread.host().look(Time::Spare)
        });
        let found = owner.take_item();
        let next = loop_thread.join().expect("the loop thread ends");
        match (found, next) {
            (Item::Seated, Look::Wait) | (Item::Ready(_) | Item::Low(_), Look::ReadAhead) => {}
            (Item::Seated, Look::ReadAhead) => panic!("begun while somebody waits"),
            (_, _) => panic!("neither"),
        }
        // And his step finds what was made.
        if let Arrive::Tell(..) | Arrive::Queued = owner.host().arrive(item(&Call::new())) {
        } else {
            panic!("it is made or being made");
        }
    });
}

/// The first step beside a close: nobody's host is closed under him.
fn closed_or_used<O: Owner>(own: impl Fn(Host<Model>) -> O + Send + Sync + 'static) {
    loom::model(move || {
        let owner = Arc::new(own(Host::new(0)));
        let closer = Arc::clone(&owner);
        let closer = thread::spawn(move || closer.close());
        let sit = owner.sit();
        let new = owner.host().is_new();
        if sit == Sit::Seated {
            let found = owner.host().arrive(item(&Call::new()));
            match found {
                Arrive::Make => assert!(new),
                Arrive::Over(..) => assert!(!new, "closed under who sits there"),
                _ => panic!("it is new or over"),
            }
        }
        let close = closer.join().expect("the closer ends");
        assert!(matches!(
            (sit, close),
            (Sit::Seated, Close::Over | Close::Taken) | (Sit::Taken, Close::Seated)
        ));
    });
}

/// A step that waits for the end, beside the end: it hears of it.
fn the_end_is_heard<O: Owner>(own: impl Fn(Host<Model>) -> O + Send + Sync + 'static) {
    loom::model(move || {
        let owner = Arc::new(own(stepping(0, &Call::new())));
        let loop_thread = Arc::clone(&owner);
        let loop_thread = thread::spawn(move || loop_thread.end());
        let (completer, waiter) = handoff();
        owner.outlast(completer);
        loop_thread.join().expect("the loop thread ends");
        assert_eq!(waiter.peek(), Some(Wait::Done), "the end is not heard");
    });
}

/// A caller gives up, and the next one sits down, while the step of the first one ends: what comes of that is no
/// answer for the second, who waits.
fn who_waits_is_not_taken_for_told<O: Owner>(
    own: impl Fn(Host<Model>) -> O + Send + Sync + 'static,
) {
    loom::model(move || {
        let call = Call::new();
        let owner = Arc::new(own(stepping(2, &call)));
        let loop_thread = Arc::clone(&owner);
        let loop_thread = thread::spawn(move || {
            let told = loop_thread.host().ended(Value);
            assert!(matches!(told, Ended::Tell(..)));
        });
        owner.give_up(&call);
        let next = owner.take_item();
        loop_thread.join().expect("the loop thread ends");
        assert!(matches!(next, Item::Seated));
        assert!(matches!(owner.host().look(Time::Spare), Look::Wait), "begun while somebody waits");
    });
}

#[test]
fn of_two_callers_one_sits() {
    one_sits(right);
}

#[test]
fn a_look_for_an_item_and_an_item_made_ahead_agree() {
    nothing_is_begun_while_somebody_waits(right);
}

#[test]
fn a_close_and_a_first_step_agree() {
    closed_or_used(right);
}

#[test]
fn a_wait_for_the_end_and_the_end_agree() {
    the_end_is_heard(right);
}

#[test]
fn a_caller_that_gave_up_and_the_next_one_are_told_apart() {
    who_waits_is_not_taken_for_told(right);
}

/// Owners with one flaw each.
mod seeded {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// Whether somebody sits there is a flag beside the lock, looked at and then set.
        SeatBeside,
        /// A consumer looks for an item, and sits down later.
        SitsLater,
        /// A close looks whether a step has begun, and then ends it.
        ClosesLater,
        /// Who waits for the end looks, and is entered in a list of its own.
        OutlastsBeside,
        /// Who gives up rises, and is known to have left later.
        LeavesLater,
    }

    struct Broken {
        flaw: Flaw,
        host: Mutex<Host<Model>>,
        busy: AtomicBool,
        outlasting: Mutex<Vec<Completer>>,
    }

    impl Broken {
        fn with(flaw: Flaw) -> impl Fn(Host<Model>) -> Self {
            move |host| Self {
                flaw,
                host: Mutex::new(host),
                busy: AtomicBool::new(false),
                outlasting: Mutex::new(Vec::new()),
            }
        }
    }

    impl Owner for Broken {
        fn host(&self) -> MutexGuard<'_, Host<Model>> {
            self.host.lock().expect("no thread panics with it")
        }

        fn sit(&self) -> Sit {
            if self.flaw != Flaw::SeatBeside {
                return self.host().sit();
            }
            if self.busy.load(Ordering::Acquire) {
                return Sit::Taken;
            }
            self.busy.store(true, Ordering::Release);
            Sit::Seated
        }

        fn take_item(&self) -> Item<Value> {
            let found = self.host().take_item();
            if self.flaw == Flaw::SitsLater && matches!(found, Item::Seated) {
                let _ = self.host().rise();
                assert_eq!(self.host().sit(), Sit::Seated);
            }
            found
        }

        fn close(&self) -> Close {
            if self.flaw != Flaw::ClosesLater {
                return self.host().close();
            }
            let new = self.host().is_new();
            if new {
                drop(self.host().end());
                Close::Over
            } else {
                self.host().close()
            }
        }

        fn outlast(&self, completer: Completer) {
            if self.flaw == Flaw::OutlastsBeside {
                let over = self.host().is_over();
                if over {
                    completer.complete();
                } else {
                    self.outlasting.lock().expect("no thread panics with it").push(completer);
                }
                return;
            }
            match self.host().outlast(completer) {
                Outlast::Wait => {}
                Outlast::Nothing(completer) => completer.complete(),
            }
        }

        fn end(&self) {
            let rest = self.host().end();
            let beside =
                std::mem::take(&mut *self.outlasting.lock().expect("no thread panics with it"));
            rest.outlasting.into_iter().chain(beside).for_each(Completer::complete);
        }

        fn give_up(&self, call: &Call) {
            if self.flaw == Flaw::LeavesLater {
                let _ = self.host().rise();
                return;
            }
            call.leave();
            let _ = self.host().rise();
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        one_sits(Broken::with(Flaw::None));
        nothing_is_begun_while_somebody_waits(Broken::with(Flaw::None));
        closed_or_used(Broken::with(Flaw::None));
        the_end_is_heard(Broken::with(Flaw::None));
        who_waits_is_not_taken_for_told(Broken::with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "who sits there: [Seated, Seated]")]
    fn a_flag_beside_the_lock_seats_two() {
        one_sits(Broken::with(Flaw::SeatBeside));
    }

    #[test]
    #[should_panic(expected = "begun while somebody waits")]
    fn who_looks_and_sits_later_waits_for_more_than_he_asked() {
        nothing_is_begun_while_somebody_waits(Broken::with(Flaw::SitsLater));
    }

    #[test]
    #[should_panic(expected = "closed under who sits there")]
    fn a_close_that_looks_first_closes_under_a_caller() {
        closed_or_used(Broken::with(Flaw::ClosesLater));
    }

    #[test]
    #[should_panic(expected = "the end is not heard")]
    fn a_wait_for_the_end_in_a_list_beside_is_for_ever() {
        the_end_is_heard(Broken::with(Flaw::OutlastsBeside));
    }

    #[test]
    #[should_panic(expected = "begun while somebody waits")]
    fn who_is_known_to_have_left_later_is_taken_for_the_next() {
        who_waits_is_not_taken_for_told(Broken::with(Flaw::LeavesLater));
    }
}
