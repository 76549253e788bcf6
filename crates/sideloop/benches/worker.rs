//! Inside a worker thread of a multi-thread runtime that is not sideloop's.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// Call `work` so many times, in a task, and say how long that took.
#[expect(clippy::disallowed_methods, reason = "the root of a program")]
pub fn time_inside(
    runtime: &Runtime,
    times: u64,
    mut work: impl FnMut() + Send + 'static,
) -> Duration {
    let task = runtime.spawn(async move {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        start.elapsed()
    });
    runtime.block_on(task).expect("it does not panic")
}
