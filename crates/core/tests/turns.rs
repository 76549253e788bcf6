//! Turns to spin.
#![cfg(not(loom))]

use sideloop_core::turns::Turns;

#[test]
fn there_are_as_many_at_once_as_asked_for() {
    let turns = Turns::new();
    let (first, second) = (turns.take(2), turns.take(2));
    assert!(first.is_some() && second.is_some());
    assert!(turns.take(2).is_none());
}

#[test]
fn one_that_is_given_back_can_be_taken_again() {
    let turns = Turns::new();
    for _ in 0..1000 {
        assert!(turns.take(1).is_some());
    }
}

#[test]
fn after_a_crowd_nobody_takes_one_for_a_while_and_then_anybody_may() {
    let turns = Turns::new();
    let held = turns.take(1);
    assert!(turns.take(1).is_none());
    drop(held);
    let refused = (0..10_000).take_while(|_| turns.take(1).is_none()).count();
    assert!((2..10_000).contains(&refused), "{refused} waits");
    assert!(turns.take(1).is_some());
}

#[test]
fn those_of_threads_that_a_fork_left_behind_are_free() {
    let turns = Turns::new();
    std::mem::forget(turns.take(1));
    turns.forget();
    assert!(turns.take(1).is_some());
}
