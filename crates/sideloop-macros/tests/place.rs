//! What goes wrong in a twin is said to go wrong where the twin was called.
#![allow(missing_docs, reason = "tests are sentences already")]

use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

use sideloop::synced;

#[synced]
async fn endless() {
    again();
}

/// Calls until calls are nested too deep.
fn again() {
    endless_sync();
}

const LINE_OF_THE_CALL: u32 = line!() - 3;

#[test]
fn a_refused_call_names_the_line_of_the_call() {
    let seen = Arc::new(Mutex::new(None));
    let see = Arc::clone(&seen);
    set_hook(Box::new(move |info| {
        let place = info.location().map(|place| (place.file().to_owned(), place.line()));
        if let Ok(mut seen) = see.lock() {
            *seen = place;
        }
    }));
    let refused = catch_unwind(endless_sync).is_err();
    drop(take_hook()); // or what is wrong below would not be told
    assert!(refused);
    let seen = seen.lock().ok().and_then(|mut seen| seen.take());
    assert_eq!(seen, Some((file!().to_owned(), LINE_OF_THE_CALL)));
}
