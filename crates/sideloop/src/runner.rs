//! A runner: owns one tokio runtime, and serves the calls that sync code makes.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::runtime::Handle;

use crate::access::Access;
use crate::builder::Config;
use crate::drive::drive;
use crate::engine::Engine;
use crate::error::{Refusal, refuse};
use crate::lives::Lives;
use crate::{Builder, Iter, StillRunning, Task, TimedOut, shutdown};

/// A tokio runtime for sync code, with a name and an end.
///
/// Nothing is started before the first call. Dropped, a runner cancels its tasks and waits for nothing,
/// so it can be dropped anywhere, async code included; [`Runner::shutdown`] waits.
///
/// In a fork's child a runner starts anew with its first call there; its tasks stay with the parent.
///
/// ```
/// use sideloop::Runner;
///
/// let runner = Runner::new("pages");
/// assert_eq!(runner.run_sync(async { 22 }), 22);
/// ```
pub struct Runner {
    pub(crate) config: Config,
    pub(crate) lives: Lives,
}

impl Runner {
    /// A runner with one worker thread, which will bear this name. Starts nothing yet.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self::builder(name).build()
    }

    /// A builder, for anything but the defaults.
    pub fn builder(name: impl Into<Cow<'static, str>>) -> Builder {
        Builder::new(name.into())
    }

    pub(crate) const fn global() -> Self {
        Self { config: Config::named(Cow::Borrowed("sideloop")), lives: Lives::new() }
    }

    /// Run a future to its end and return its output, as [`run_sync`](crate::run_sync) does.
    ///
    /// # Panics
    /// As [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        match self.call(future, None) {
            Ok(output) => output,
            Err(refusal) => refuse(self.name(), &refusal),
        }
    }

    /// [`Runner::run_sync`] with a limit on the wait, as [`run_sync_timeout`](crate::run_sync_timeout).
    ///
    /// # Errors
    /// [`TimedOut`], which names the place of the call.
    ///
    /// # Panics
    /// As [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn run_sync_timeout<F: Future>(
        &self,
        future: F,
        limit: Duration,
    ) -> Result<F::Output, TimedOut> {
        // A limit beyond what an instant can say is none.
        match self.call(future, Instant::now().checked_add(limit)) {
            Ok(output) => Ok(output),
            Err(Refusal::TimedOut) => {
                let (runner, place) = (self.name().to_owned(), Location::caller());
                Err(TimedOut { runner, limit, place })
            }
            Err(refusal) => refuse(self.name(), &refusal),
        }
    }

    fn call<F: Future>(&self, future: F, limit: Option<Instant>) -> Result<F::Output, Refusal> {
        let engine = self.lives.engine(&self.config).map_err(Refusal::NotStarted)?;
        drive(future, engine.handle(), self.config.rules, limit)
    }

    /// Start a future on the runner's threads. Does not block.
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let handle = self.engine().handle();
        Task::spawn(future, handle, Access::new(handle, self.config.rules))
    }

    /// Iterate over a stream; each `next` blocks the calling thread, which polls the stream. As
    /// [`iter`](crate::iter).
    ///
    /// # Panics
    /// Here if the runtime cannot be started, in `next` as [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn iter<S: Stream>(&self, stream: S) -> Iter<S> {
        Iter::new(stream, Access::new(self.engine().handle(), self.config.rules))
    }

    /// The tokio handle of the runner's runtime, for everything that tokio offers.
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.engine().handle().clone()
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Cancel the tasks and block, at most for `limit`, until the threads have ended.
    ///
    /// Safe anywhere, async code included. A task is dropped where it awaits; code that blocks a
    /// thread is waited for.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sideloop::Runner;
    ///
    /// let runner = Runner::new("short-lived");
    /// runner.run_sync(async { tokio::task::yield_now().await });
    /// runner.shutdown(Duration::from_secs(5)).expect("nothing blocks its thread");
    /// ```
    ///
    /// # Errors
    /// [`StillRunning`] if threads are left after `limit`.
    pub fn shutdown(mut self, limit: Duration) -> Result<(), StillRunning> {
        match self.lives.end() {
            Some(engine) => shutdown::end(engine, self.name(), self.config.rules, limit),
            None => Ok(()),
        }
    }

    #[track_caller]
    fn engine(&self) -> &Engine {
        match self.lives.engine(&self.config) {
            Ok(engine) => engine,
            Err(error) => refuse(self.name(), &Refusal::NotStarted(error)),
        }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("config", &self.config).finish_non_exhaustive()
    }
}
