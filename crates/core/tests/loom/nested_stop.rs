//! A call is stopped without the interpreter lock, while its task makes a nested call and waits for that.
//!
//! The protocol of `caller/stopping.rs` and `model/waits.rs` of the extension, on the crate's own phases: who stops changes
//! the call's phase, looks then which calls its loop waits for, and puts in the message last; who nests enters the wait,
//! and looks then at the call.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use sideloop_core::phase::{Begin, Cancel, PhaseCell};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// A flag says that there is something to hear, which the loop puts down when it takes messages.
    ByTheFlag,
    /// Who nests looks, and enters the wait then.
    LooksFirst,
}

struct Runner {
    phase: PhaseCell,
    unheard: AtomicBool,
    messages: Mutex<u32>,
    /// Whether the loop waits for a nested call.
    waits: Mutex<bool>,
}

/// Whether the nested call was seen, and so stopped.
fn stop(runner: &Runner) -> bool {
    assert_eq!(runner.phase.cancel(), Cancel::Interrupt);
    runner.unheard.store(true, Ordering::Relaxed);
    let sees = *runner.waits.lock().expect("nobody panics");
    *runner.messages.lock().expect("nobody panics") += 1;
    sees
}

/// The loop's turn, in which the task makes the nested call. Whether it has heard of the stop.
fn turn(runner: &Runner, flaw: Flaw) -> bool {
    runner.unheard.store(false, Ordering::Relaxed);
    if std::mem::take(&mut *runner.messages.lock().expect("nobody panics")) > 0 {
        return true;
    }
    let hears = || match flaw {
        Flaw::ByTheFlag => runner.unheard.load(Ordering::Relaxed),
        Flaw::None | Flaw::LooksFirst => runner.phase.is_cancelling(),
    };
    if flaw == Flaw::LooksFirst {
        let heard = hears();
        *runner.waits.lock().expect("nobody panics") = true;
        return heard;
    }
    *runner.waits.lock().expect("nobody panics") = true;
    hears()
}

fn stopped_or_heard(flaw: Flaw) {
    loom::model(move || {
        let runner = Arc::new(Runner {
            phase: PhaseCell::default(),
            unheard: AtomicBool::new(false),
            messages: Mutex::new(0),
            waits: Mutex::new(false),
        });
        assert_eq!(runner.phase.begin(), Begin::Run);
        let loop_thread = {
            let runner = Arc::clone(&runner);
            thread::spawn(move || turn(&runner, flaw))
        };
        let seen = stop(&runner);
        let heard = loop_thread.join().expect("the loop thread ends");
        assert!(seen || heard, "the loop waits for a call that nobody stops");
    });
}

#[test]
fn a_call_that_is_stopped_while_it_nests_hears_of_it() {
    stopped_or_heard(Flaw::None);
}

#[test]
#[should_panic(expected = "the loop waits for a call that nobody stops")]
fn a_flag_is_put_down_before_the_message_is_there() {
    stopped_or_heard(Flaw::ByTheFlag);
}

#[test]
#[should_panic(expected = "the loop waits for a call that nobody stops")]
fn a_look_before_the_wait_misses_it() {
    stopped_or_heard(Flaw::LooksFirst);
}
