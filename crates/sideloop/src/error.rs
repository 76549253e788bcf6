//! What went wrong, in which call of which runner, and what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Duration;

/// Why a call has no output. Without a limit it reaches the user as a panic at the place of the call.
#[derive(Debug)]
pub(crate) enum Refusal {
    TimedOut,
    TooDeep { limit: u32 },
    ThreadEnds,
    Forked,
    Inherited,
    NotStarted(io::Error),
    Cancelled,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the limit was over before the future was ready"),
            Self::TooDeep { limit } => write!(
                f,
                "{limit} calls are already nested here, each waiting for the next; break the \
                 recursion, or raise Builder::nesting_limit"
            ),
            Self::ThreadEnds => f.write_str(
                "this thread is ending and its tokio context is gone, so nothing can be run on it; \
                 call before the thread ends, not in a thread-local's destructor",
            ),
            Self::Forked => f.write_str(
                "the process was forked inside this call, and what it waits for is in the parent; \
                 let the child begin new calls only",
            ),
            Self::Inherited => f.write_str(
                "what is waited for was made before the process was forked, and is in the parent; make \
                 it anew in the child",
            ),
            Self::Cancelled => f.write_str(
                "the runner has ended, and has cancelled the task that is waited for; join its tasks \
                 before a runner is dropped or shut down",
            ),
            Self::NotStarted(error) => write!(
                f,
                "its runtime could not be started: {error}; the next call tries again"
            ),
        }
    }
}

/// Panic with a refusal, at the place of the call.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "the contract of functions that return a future's output as it is"
)]
pub(crate) fn refuse(runner: &str, refusal: &Refusal) -> ! {
    panic!("sideloop runner {runner:?}: {refusal}")
}

/// The limit of [`run_sync_timeout`](crate::run_sync_timeout) was over before the future was ready. The
/// future has been dropped.
#[derive(Clone, Debug)]
pub struct TimedOut {
    pub(crate) runner: String,
    pub(crate) limit: Duration,
    pub(crate) place: &'static Location<'static>,
}

impl TimedOut {
    /// Where the call was made.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// The limit that was over.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runner, limit, place } = self;
        write!(
            f,
            "the call at {place} on runner {runner:?} was not ready within {limit:?}, and its future \
             was dropped; give it a longer limit, or find out what it waits for"
        )
    }
}

impl Error for TimedOut {}

/// [`Runner::shutdown`](crate::Runner::shutdown) has left threads behind that did not end in time. They end
/// when the code in which they block returns.
#[derive(Clone, Debug)]
pub struct StillRunning {
    pub(crate) runner: String,
    pub(crate) limit: Duration,
    pub(crate) threads: usize,
}

impl StillRunning {
    /// How many threads were left.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runner, limit, threads } = self;
        write!(
            f,
            "runner {runner:?} has {threads} thread(s) that did not end within {limit:?}: they block \
             in spawn_blocking or in a task that does not yield; they end when that code returns"
        )
    }
}

impl Error for StillRunning {}
