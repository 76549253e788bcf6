//! End a runner and wait for its threads, also from async code.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sideloop_core::bell::Bell;

use crate::StillRunning;
use crate::builder::Rules;
use crate::engine::Engine;
use crate::place;

/// Does not work: to end the runtime on the calling thread. tokio panics there in async code.
pub(crate) fn end(
    engine: Engine,
    runner: &str,
    rules: Rules,
    limit: Duration,
) -> Result<(), StillRunning> {
    let threads = engine.threads();
    let ended = Arc::new(Bell::default());
    let rings = Arc::clone(&ended);
    let until = Instant::now().checked_add(limit);
    let helper = thread::Builder::new().name(format!("{runner} ends")).spawn(move || {
        engine.end(limit);
        rings.ring();
    });
    // Without a helper the engine has been dropped, which ends it without waiting.
    if helper.is_ok() {
        place::block(rules.block_in_place, |_rhythm| {
            let _ = ended.wait(until);
        });
    }
    match threads.count() {
        0 => Ok(()),
        threads => Err(StillRunning { runner: runner.to_owned(), limit, threads }),
    }
}
