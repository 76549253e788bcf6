//! What waking another thread and being woken by it costs, without Python: the floor under a call.
//!
//! `benches/placement.py` runs this and asks for a batch at a time, so that the batches are
//! interleaved with those of the bridges. A request is a line of six words:
//!
//! ```text
//! futex|eventfd  unpinned|pinned|spread  kept|fresh  PAUSE_US  MOST_CALLS  MOST_MS
//! ```
//!
//! The answer is a line of nanoseconds, one for each round trip.

#[cfg(target_os = "linux")]
mod batch;

#[cfg(target_os = "linux")]
mod partner;

#[cfg(target_os = "linux")]
mod bell;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::{BufRead, Write};

    let partners = batch::Partners::start()?;
    let mut answers = std::io::stdout().lock();
    for request in std::io::stdin().lock().lines() {
        let durations: Vec<String> =
            partners.time(&request?.parse()?)?.iter().map(u128::to_string).collect();
        writeln!(answers, "{}", durations.join(" "))?;
        answers.flush()?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), String> {
    Err("futex, eventfd and thread affinity are Linux's".to_owned())
}
