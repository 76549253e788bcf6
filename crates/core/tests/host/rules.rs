//! What takes more than one event to see.

use sideloop_core::host::{Kind, Leftover, Look, Refill, Sit, Time};

use crate::parts::{Call, Got, Said, Tested, wish};

/// A host whose first step is asked for.
fn asked(read_ahead: usize) -> Tested {
    let mut host = Tested::new(read_ahead);
    assert_eq!(host.sit(), Sit::Seated);
    let _ = host.arrive(wish(Call::waits(1), Kind::Item));
    host
}

/// One whose first item was handed over and whose caller has left, and that made so many more.
fn ahead(made: u32, read_ahead: usize) -> Tested {
    let mut host = asked(read_ahead);
    assert_eq!(host.look(Time::Spare).said(), "Begin(work)");
    let _ = host.ended(Got::Value(1));
    let _ = host.rise();
    for number in 2..2 + made {
        assert_eq!(host.look(Time::Spare).said(), "ReadAhead");
        let _ = host.ended(Got::Value(number));
    }
    host
}

#[test]
fn steps_begin_in_the_order_in_which_they_came() {
    let mut host = asked(0);
    assert_eq!(host.arrive(wish(Call::waits(2), Kind::Word)).said(), "Queued");
    assert_eq!(host.arrive(wish(Call::waits(3), Kind::Collect)).said(), "Queued");
    for (number, outcome) in [(1, "Tell(Waits(1), Value(1))"), (2, "Tell(Waits(2), Value(2))")] {
        assert_eq!(host.look(Time::Short).said(), "Begin(work)");
        assert_eq!(host.ended(Got::Value(number)).said(), outcome);
    }
    assert_eq!(host.look(Time::Short).said(), "Begin(close)");
    assert_eq!(host.ended(Got::Value(3)).said(), "Over(Some((Waits(3), Value(3))), [])");
}

#[test]
fn steps_that_wait_for_what_has_to_stop_begin_in_their_order() {
    let mut host = asked(0);
    let _ = host.throw();
    for number in [2, 3] {
        assert_eq!(host.arrive(wish(Call::waits(number), Kind::Exit)).said(), "Queued");
    }
    let waiting = "[waiting Waits(1), waiting Waits(2), waiting Waits(3)]";
    assert_eq!(host.end().said(), waiting);
    let mut host = ahead(0, 1);
    assert_eq!(host.look(Time::Spare).said(), "ReadAhead");
    for number in [2, 3] {
        assert_eq!(host.arrive(wish(Call::waits(number), Kind::Close)).said(), "Cancel");
    }
    assert_eq!(host.end().said(), "[waiting Waits(2), waiting Waits(3)]");
}

#[test]
fn what_cleans_up_or_is_about_to_is_left_to_that() {
    for kind in [Kind::Exit, Kind::Close, Kind::Collect] {
        let mut host = asked(0);
        let _ = host.look(Time::Short);
        let _ = host.ended(Got::Value(1));
        assert_eq!(host.leftover(), Leftover::Rests);
        let _ = host.waits("wake");
        assert_eq!(host.leftover(), Leftover::Rests);
        let _ = host.arrive(wish(Call::waits(2), kind));
        assert_eq!(host.leftover(), Leftover::Unwinds, "{kind:?} is to begin");
        let _ = host.look(Time::Short);
        assert_eq!(host.leftover(), Leftover::Unwinds, "{kind:?} runs");
        let _ = host.ended(Got::Value(2));
        assert_eq!(host.leftover(), Leftover::Unwinds, "{kind:?} is over");
    }
    let mut host = asked(0);
    let _ = host.look(Time::Short);
    assert_eq!(host.leftover(), Leftover::Steps);
    let _ = host.arrive(wish(Call::waits(2), Kind::Collect));
    assert_eq!(host.leftover(), Leftover::Steps, "it waits for a step that may never end");
}

#[test]
fn a_step_is_left_behind_while_its_caller_waits_no_longer() {
    let mut host = Tested::new(0);
    let call = Call::waits(1);
    let _ = host.arrive(wish(call.clone(), Kind::Item));
    assert!(!host.is_left_behind());
    let _ = host.look(Time::Short);
    assert!(!host.is_left_behind());
    call.leave();
    assert!(host.is_left_behind());
    let _ = host.ended(Got::Value(1));
    assert!(!host.is_left_behind());
}

#[test]
fn an_outcome_that_is_there_goes_to_one_taker_and_the_oldest_first() {
    let mut host = ahead(2, 2);
    let _ = host.waits("wake");
    assert_eq!(host.take_item().said(), "Low(Value(2))");
    assert_eq!(host.take_item().said(), "Low(Value(3))");
    assert_eq!(host.take_item().said(), "Seated");
    assert_eq!(host.take_item().said(), "Taken");
}

#[test]
fn few_are_left_when_it_is_half_and_nobody_makes_more() {
    let mut host = ahead(4, 4);
    assert_eq!(host.look(Time::Spare).said(), "Wait");
    let _ = host.waits("wake");
    assert_eq!(host.take_item().said(), "Ready(Value(2))", "three of four are left");
    assert_eq!(host.take_item().said(), "Low(Value(3))", "two of four are left");
    assert_eq!(host.refill(), Refill::WakeSoon("wake"));
    assert_eq!(host.take_item().said(), "Ready(Value(4))", "more are made");
}

#[test]
fn what_a_rescue_has_made_is_nothing_to_read_ahead_for() {
    let mut host = ahead(0, 0);
    let _ = host.throw();
    let _ = host.ended(Got::Value(2));
    let _ = host.waits("wake");
    assert_eq!(host.take_item().said(), "Ready(Value(2))");
}

#[test]
fn who_is_told_what_was_there_waits_no_longer() {
    let mut host = ahead(1, 1);
    let _ = host.waits("wake");
    assert_eq!(host.sit(), Sit::Seated);
    assert_eq!(host.refill(), Refill::Nothing);
    let told = host.arrive(wish(Call::waits(9), Kind::Item)).said();
    assert_eq!(told, "Tell(Waits(9), Value(2))");
    assert_eq!(host.refill(), Refill::WakeSoon("wake"));
}

#[test]
fn who_is_told_what_was_made_meanwhile_waits_no_longer() {
    let mut host = asked(1);
    let _ = host.throw();
    assert_eq!(host.ended(Got::Value(5)).said(), "Kept");
    assert_eq!(host.look(Time::Spare).said(), "Tell(Waits(1), Value(5))");
    assert_eq!(host.look(Time::Spare).said(), "ReadAhead");
}

#[test]
fn what_was_made_meanwhile_goes_to_who_asked_the_oldest_first() {
    let mut host = asked(0);
    for number in [5, 6] {
        let _ = host.throw();
        assert_eq!(host.ended(Got::Value(number)).said(), "Kept");
    }
    assert_eq!(host.look(Time::Spare).said(), "Tell(Waits(1), Value(5))");
    assert_eq!(host.look(Time::Spare).said(), "Wait");
}

#[test]
fn a_task_that_is_lost_ends_behind_what_was_made() {
    let mut host = ahead(2, 2);
    assert_eq!(host.lost(Got::Error(9)).said(), "Over(None, [])");
    for outcome in ["Ready(Value(2))", "Ready(Value(3))", "Ready(Error(9))", "Over"] {
        assert_eq!(host.take_item().said(), outcome);
    }
}

#[test]
fn a_cancellation_that_comes_while_somebody_steps_in_is_for_the_task() {
    let mut host = ahead(0, 0);
    let _ = host.waits("wake");
    assert_eq!(host.arrive(wish(Call::waits(2), Kind::Word)).said(), "StepIn");
    assert_eq!(host.look(Time::Short).said(), "Begin(work)");
    assert_eq!(host.cancel("message").said(), "Noted(None)");
    assert_eq!(host.ended(Got::Value(2)).said(), "Tell(Waits(2), Value(2))");
    assert_eq!(host.look(Time::Short).said(), "WakeSoon(wake)");
    assert_eq!(host.arrive(wish(Call::waits(3), Kind::Word)).said(), "Queued");
    assert_eq!(host.take_cancelled(), Some("message"));
    assert_eq!(host.throw().said(), "Rescue");
    assert_eq!(host.ended(Got::Value(7)).said(), "Kept");
    assert!(matches!(host.look(Time::Short), Look::Tell(..)));
}

#[test]
fn who_steps_in_leaves_what_is_made_ahead_to_the_task() {
    let mut host = ahead(0, 1);
    let _ = host.waits("wake");
    assert_eq!(host.sit(), Sit::Seated);
    assert_eq!(host.arrive(wish(Call::waits(2), Kind::Item)).said(), "StepIn");
    assert_eq!(host.look(Time::Spare).said(), "Begin(work)");
    assert_eq!(host.ended(Got::Value(2)).said(), "Tell(Waits(2), Value(2))");
    assert_eq!(host.look(Time::Spare).said(), "WakeSoon(wake)");
    assert_eq!(host.look(Time::Spare).said(), "ReadAhead");
}
