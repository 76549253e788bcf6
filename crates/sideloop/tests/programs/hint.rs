//! What a program says that makes a timer where no runtime is entered.

use std::env;
use std::process::{Command, Output};
use std::time::Duration;

use super::Program;

pub(crate) const PROGRAMS: &[Program] = &[
    ("a timer made outside of every runtime panics and names run_sync_with", named),
    ("a hook that the program sets is the only one", replaced),
    ("other panics are told as ever", others),
];

/// Programs that panic, each started by one of the above.
pub(crate) const PANICKING: &[Program] = &[
    ("makes a timer", makes_a_timer),
    ("makes a timer with a hook", makes_a_timer_with_a_hook),
    ("panics", || assert_eq!(sideloop::run_sync(async { 1 }), 2)),
];

fn makes_a_timer() {
    sideloop::run_sync(tokio::time::sleep(Duration::from_millis(1)));
}

fn makes_a_timer_with_a_hook() {
    std::panic::set_hook(Box::new(|_| eprintln!("a hook")));
    makes_a_timer();
}

/// What a program that panics has said.
fn said(program: &str) -> String {
    let Output { status, stderr, .. } = Command::new(env::current_exe().expect("this program"))
        .env("SIDELOOP_PROGRAM", program)
        .output()
        .expect("it starts");
    assert_eq!(status.code(), Some(101), "it panics");
    String::from_utf8(stderr).expect("text")
}

fn named() {
    let said = said("makes a timer");
    let (panic, hint) = (said.find("there is no reactor running"), said.find("run_sync_with(||"));
    assert!(panic.is_some() && panic < hint, "{said}");
    assert!(said.contains(file!()), "at the user's line: {said}");
}

fn replaced() {
    assert_eq!(said("makes a timer with a hook"), "a hook\n");
}

fn others() {
    let said = said("panics");
    assert!(said.contains("left: 1") && !said.contains("sideloop::"), "{said}");
}
