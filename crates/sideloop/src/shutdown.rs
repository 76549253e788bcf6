//! End a runner and wait for its threads, also from async code.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sideloop_core::bell::Bell;
use tokio::runtime::Runtime;

use crate::StillRunning;
use crate::engine::Engine;
use crate::place::{self, Waited};

/// A runtime on its way to the thread that ends it. Dropped on the way, it ends without waiting.
struct Ending(Option<Runtime>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Does not work: to end the runtime on the calling thread. tokio panics there in async code.
pub(crate) fn end(engine: &Engine, runner: &str, limit: Duration) -> Result<(), StillRunning> {
    let (block_in_place, until) =
        (engine.access().rules().block_in_place, Instant::now().checked_add(limit));
    if let Some(runtime) = engine.take() {
        let mut ending = Ending(Some(runtime));
        let ended = Arc::new(Bell::default());
        let rings = Arc::clone(&ended);
        let helper = thread::Builder::new().name(format!("{runner} ends")).spawn(move || {
            if let Some(runtime) = ending.0.take() {
                runtime.shutdown_timeout(limit);
            }
            rings.ring();
        });
        if helper.is_ok() {
            let _ = place::block(block_in_place, &mut |_rhythm| {
                let _ = ended.wait(until);
                Waited::Ended(Ok(()))
            });
        }
    } else {
        // Somebody else ends it, or has.
        let _ = place::block(block_in_place, &mut |_rhythm| {
            engine.threads().wait_for_none(until);
            Waited::Ended(Ok(()))
        });
    }
    match engine.threads().count() {
        0 => Ok(()),
        threads => Err(StillRunning { runner: runner.to_owned(), limit, threads }),
    }
}
