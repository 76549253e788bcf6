//! Time limits where there is no alarm.

use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long a program may take. The slowest takes three seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// End this process if it still runs after the limit.
pub(crate) fn limit() {
    thread::spawn(|| {
        let (_sender, never) = channel::<()>();
        if never.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            abort();
        }
    });
}
