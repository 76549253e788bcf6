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
    NoThread,
    Ended,
    Cancelled,
    Taken,
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
            Self::NoThread => f.write_str(
                "the system has no thread to run it on, so it was not started; raise the limit of threads, or \
                 call again when others have ended",
            ),
            Self::Ended => f.write_str(
                "the runner has ended, or was closed, and runs nothing more; end it after its last call, \
                 and drop its iterators before",
            ),
            Self::Cancelled => f.write_str(
                "the runner has ended, and has cancelled the task that is waited for; join its tasks \
                 before a runner is dropped or shut down",
            ),
            Self::Taken => f.write_str(
                "the task has given its output already; join or await it once",
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

/// The limit of a wait was over before what was waited for was ready.
///
/// A future that was waited for has been dropped. Equal are two that tell the same: the limit, the runner and
/// the place of the call.
///
/// It converts into [`std::io::Error`] of the kind [`TimedOut`](std::io::ErrorKind::TimedOut), for code that
/// speaks `io::Result`:
///
/// ```
/// use std::time::Duration;
///
/// fn read() -> std::io::Result<()> {
///     sideloop::run_sync_timeout(std::future::pending::<()>(), Duration::from_millis(5))?;
///     Ok(())
/// }
///
/// assert_eq!(read().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

    /// The name of the runner that the call was made on.
    #[must_use]
    pub fn runner(&self) -> &str {
        &self.runner
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

impl From<TimedOut> for io::Error {
    fn from(late: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, late)
    }
}

/// [`Builder::build_global`](crate::Builder::build_global) came too late: the global runner has been used, or set,
/// and stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlreadyInUse;

impl fmt::Display for AlreadyInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the global sideloop runner is already in use; set it at the beginning of main, before anything \
             calls run_sync, or use a Runner of your own",
        )
    }
}

impl Error for AlreadyInUse {}

/// [`Runner::shutdown`](crate::Runner::shutdown) or [`Runner::close`](crate::Runner::close) has left threads behind that did not end in time. They end
/// when the code in which they block returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillRunning {
    pub(crate) runner: String,
    pub(crate) limit: Duration,
    pub(crate) threads: usize,
}

impl StillRunning {
    /// The name of the runner.
    #[must_use]
    pub fn runner(&self) -> &str {
        &self.runner
    }

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
