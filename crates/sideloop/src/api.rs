//! The functions that need no runner of one's own: they use the global one.

use std::time::Duration;

use futures_core::Stream;
use tokio::runtime::Handle;

use crate::{Iter, Runner, Task, TimedOut};

/// Serves whoever has no runner of their own. Nothing of it exists before the first call.
static GLOBAL: Runner = Runner::global();

/// Run a future to its end and return its output. Blocks the calling thread, which polls the future.
///
/// The future may borrow, and need not be `Send` or `'static`. It sees the global runner's tokio runtime:
/// I/O, timers and `tokio::spawn` work in it, and what it spawns goes on between calls.
///
/// ```
/// let words = vec!["to", "a", "slice"];
/// let borrowed = &words;
/// let count = sideloop::run_sync(async move {
///     tokio::task::yield_now().await;
///     borrowed.len()
/// });
/// assert_eq!(count, words.len());
/// ```
///
/// # Panics
/// A panic of the future goes on in the caller, with its payload. Otherwise, with a message that says
/// what to do: if calls are nested too deep ([`Builder::nesting_limit`](crate::Builder::nesting_limit)); if
/// the runtime cannot be started (the next call tries again); in a thread-local's destructor after
/// tokio's own thread-locals are gone; in a fork's child, in a call that began in the parent.
#[track_caller]
pub fn run_sync<F: Future>(future: F) -> F::Output {
    GLOBAL.run_sync(future)
}

/// [`run_sync`] with a limit on the wait. When the limit is over, the future is dropped.
///
/// The wait itself ends, not a timer inside some event loop: the limit holds also when what the future
/// waits for is blocked, be it by this very call. Only a future that never returns from a poll cannot
/// be left.
///
/// ```
/// use std::time::Duration;
///
/// let late = sideloop::run_sync_timeout(std::future::pending::<()>(), Duration::from_millis(5));
/// assert!(late.is_err());
/// ```
///
/// # Errors
/// [`TimedOut`], which names the place of the call.
///
/// # Panics
/// As [`run_sync`].
#[track_caller]
pub fn run_sync_timeout<F: Future>(future: F, limit: Duration) -> Result<F::Output, TimedOut> {
    GLOBAL.run_sync_timeout(future, limit)
}

/// Start a future on the global runner's threads. Does not block.
///
/// ```
/// let task = sideloop::spawn(async { 22 });
/// assert_eq!(task.join(), 22);
/// ```
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    GLOBAL.spawn(future)
}

/// Iterate over a stream; each `next` blocks the calling thread, which polls the stream.
///
/// Any stream: pass it by value, or `&mut stream` to go on with it later.
///
/// # Panics
/// Here if the runtime cannot be started, in `next` as [`run_sync`].
#[track_caller]
pub fn iter<S: Stream>(stream: S) -> Iter<S> {
    GLOBAL.iter(stream)
}

/// The global runner's tokio handle, for everything that tokio offers.
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
#[must_use]
pub fn handle() -> Handle {
    GLOBAL.handle()
}
