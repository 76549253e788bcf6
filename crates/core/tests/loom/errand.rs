//! Errands without the interpreter lock: code on the loop asks its caller to run one, while that leaves.
//!
//! The protocol of `model/call.rs` of the extension, on the crate's own phases: who asks looks whether anybody serves and
//! puts his errand in under the call's lock; who leaves says so to the phase, takes the lock once, and looks what there is.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use sideloop_core::phase::{Abandon, Begin, PhaseCell};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// Looked at before the lock is taken, as it was where the interpreter lock made one step of it.
    LooksFirst,
    /// Who leaves goes by the flag alone.
    ByTheFlag,
}

struct Call {
    phase: PhaseCell,
    has_errands: AtomicBool,
    errands: Mutex<Vec<u32>>,
}

/// Whether it was taken.
fn ask(call: &Call, flaw: Flaw) -> bool {
    let serves = || !call.phase.is_done() && !call.phase.is_abandoned();
    let before = serves();
    let mut errands = call.errands.lock().expect("nobody panics");
    let serves = if flaw == Flaw::LooksFirst { before } else { serves() };
    if serves {
        // ORDERING: Relaxed: the lock orders it.
        call.has_errands.store(true, Ordering::Relaxed);
        errands.push(1);
    }
    serves
}

/// Leaves; returns those that are refused.
fn leave(call: &Call, flaw: Flaw) -> Vec<u32> {
    assert_eq!(call.phase.abandon(), Abandon::Leave);
    if flaw != Flaw::ByTheFlag {
        drop(call.errands.lock().expect("nobody panics"));
    }
    if !call.has_errands.load(Ordering::Relaxed) {
        return Vec::new();
    }
    std::mem::take(&mut *call.errands.lock().expect("nobody panics"))
}

fn asked_or_left(flaw: Flaw) {
    loom::model(move || {
        let call = Arc::new(Call {
            phase: PhaseCell::default(),
            has_errands: AtomicBool::new(false),
            errands: Mutex::new(Vec::new()),
        });
        assert_eq!(call.phase.begin(), Begin::Run);
        let loop_thread = {
            let call = Arc::clone(&call);
            thread::spawn(move || ask(&call, flaw))
        };
        let refused = leave(&call, flaw);
        let taken = loop_thread.join().expect("the loop thread ends");
        assert_eq!(taken, !refused.is_empty(), "an errand is left that nobody runs or refuses");
    });
}

#[test]
fn an_errand_is_refused_by_who_leaves_or_not_taken() {
    asked_or_left(Flaw::None);
}

#[test]
#[should_panic(expected = "an errand is left that nobody runs or refuses")]
fn a_look_before_the_lock_leaves_one() {
    asked_or_left(Flaw::LooksFirst);
}

#[test]
#[should_panic(expected = "an errand is left that nobody runs or refuses")]
fn a_flag_without_the_lock_leaves_one() {
    asked_or_left(Flaw::ByTheFlag);
}
