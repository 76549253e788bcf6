//! A runner: owns one tokio runtime, and serves the calls that sync code makes.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use std::panic::Location;
use std::time::{Duration, Instant};

use futures_core::Stream;
use sideloop_core::generation;
use tokio::runtime::Handle;

use crate::access::Access;
use crate::builder::{self, Config, Given};
use crate::drive::{On, Terms};
use crate::engine::Engine;
use crate::error::{Refusal, refuse};
use crate::lives::Lives;
use crate::slot::{self, Way};
use crate::{
    Blocking, Builder, Entered, Inside, Iter, Map, Scope, StillRunning, Task, TimedOut, scope,
    shutdown,
};

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
    /// A runner with two worker threads, which will bear this name. Starts nothing yet.
    ///
    /// # Panics
    /// If the name is empty or holds a NUL.
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self::builder(name).build()
    }

    /// [`Runner::new`] for a static.
    ///
    /// ```
    /// use sideloop::Runner;
    ///
    /// static DATABASE: Runner = Runner::const_new("database");
    ///
    /// assert_eq!(DATABASE.run_sync(async { 22 }), 22);
    /// ```
    ///
    /// # Panics
    /// If the name is empty or holds a NUL; for a static, when it is compiled.
    #[must_use]
    pub const fn const_new(name: &'static str) -> Self {
        builder::check(name);
        Self { config: Config::named(Cow::Borrowed(name)), lives: Lives::new() }
    }

    /// A builder, for anything but the defaults.
    ///
    /// # Panics
    /// If the name is empty or holds a NUL.
    #[track_caller]
    pub fn builder(name: impl Into<Cow<'static, str>>) -> Builder {
        Builder::new(name.into())
    }

    /// Run a future to its end and return its output, as [`run_sync`](crate::run_sync) does.
    ///
    /// # Panics
    /// As [`run_sync`](crate::run_sync).
    #[inline]
    #[track_caller]
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        match Way::<F>::DRIVE(future, self.terms(None)) {
            Ok(output) => output,
            Err(refusal) => refuse(self.name(), &refusal),
        }
    }

    /// Make a future with the runtime entered, and run it to its end, as
    /// [`run_sync_with`](crate::run_sync_with) does.
    ///
    /// # Panics
    /// As [`run_sync`](crate::run_sync), and with a panic of `make`.
    #[inline]
    #[track_caller]
    pub fn run_sync_with<F: Future>(&self, make: impl FnOnce() -> F) -> F::Output {
        match slot::drive_with(make, self.terms(None)) {
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
    #[inline]
    #[track_caller]
    pub fn run_sync_timeout<F: Future>(
        &self,
        future: F,
        limit: Duration,
    ) -> Result<F::Output, TimedOut> {
        // A limit beyond what an instant can say is none.
        let until = Instant::now().checked_add(limit);
        // Not `map_err`: a closure does not know the caller's place.
        match Way::<F>::DRIVE(future, self.terms(until)) {
            Ok(output) => Ok(output),
            Err(refusal) => Err(self.late(&refusal, limit)),
        }
    }

    /// [`Runner::run_sync_with`] with a limit on the wait, as
    /// [`run_sync_with_timeout`](crate::run_sync_with_timeout).
    ///
    /// # Errors
    /// [`TimedOut`], which names the place of the call.
    ///
    /// # Panics
    /// As [`run_sync_with`](crate::run_sync_with).
    #[inline]
    #[track_caller]
    pub fn run_sync_with_timeout<F: Future>(
        &self,
        make: impl FnOnce() -> F,
        limit: Duration,
    ) -> Result<F::Output, TimedOut> {
        let until = Instant::now().checked_add(limit);
        match slot::drive_with(make, self.terms(until)) {
            Ok(output) => Ok(output),
            Err(refusal) => Err(self.late(&refusal, limit)),
        }
    }

    /// What a call with a limit ends with if it does not end well.
    #[cold]
    #[track_caller]
    pub(crate) fn late(&self, refusal: &Refusal, limit: Duration) -> TimedOut {
        match refusal {
            Refusal::TimedOut => {
                TimedOut { runner: self.name().to_owned(), limit, place: Location::caller() }
            }
            refusal => refuse(self.name(), refusal),
        }
    }

    /// Enter the runner's runtime on this thread until the guard is dropped. Does not block.
    ///
    /// For sync code that makes or drops what needs a runtime there: timers, sockets, connections that go back
    /// to their pool. Calls may be made meanwhile.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runner = sideloop::Runner::new("timers");
    /// let _entered = runner.enter();
    /// runner.run_sync(tokio::time::sleep(Duration::from_millis(1)));
    /// ```
    ///
    /// # Panics
    /// If the runtime cannot be started, and in a thread-local's destructor after tokio's own
    /// thread-locals are gone.
    #[track_caller]
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self.access())
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
        let (access, future) = self.serving(future);
        Task::spawn(future, access.clone(), self.config.carry.as_ref())
    }

    /// Run a scope: tasks on the runner's threads that may borrow from the caller. Blocks until `body` has
    /// returned and all tasks have ended. As [`scope`](crate::scope).
    ///
    /// # Panics
    /// As [`scope`](crate::scope).
    #[track_caller]
    pub fn scope<'env, T>(
        &self,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    ) -> T {
        let (access, body) = self.serving(body);
        scope::run(access, self.config.carry.as_ref(), body)
    }

    /// Make a future on a thread of the runner, run it to its end there, and return its output. Blocks the
    /// calling thread. As [`run_sync_apart`](crate::run_sync_apart).
    ///
    /// # Panics
    /// As [`run_sync_apart`](crate::run_sync_apart).
    #[track_caller]
    pub fn run_sync_apart<F: Future<Output: Send>>(
        &self,
        make: impl FnOnce() -> F + Send,
    ) -> F::Output {
        let (access, make) = self.serving(make);
        scope::apart(access, self.config.carry.as_ref(), make)
    }

    /// Call an async function for each of many inputs, at most `at_once` at a time, and iterate over the
    /// outputs. As [`map`](crate::map).
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    pub fn map<I, A, F>(
        &self,
        inputs: I,
        at_once: NonZero<usize>,
        async_fn: A,
    ) -> Map<I::IntoIter, A, F>
    where
        I: IntoIterator,
        A: FnMut(I::Item) -> F,
        F: Future<Output: Send> + Send + 'static,
    {
        let (access, (inputs, async_fn)) = self.serving((inputs, async_fn));
        Map::new(inputs.into_iter(), at_once, async_fn, access.clone(), self.config.carry.clone())
    }

    /// A value that is dropped with the runner's runtime entered. As [`inside`](crate::inside).
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    pub fn inside<T>(&self, value: T) -> Inside<T> {
        let (access, value) = self.serving(value);
        Inside::new(value, access.clone())
    }

    /// Read, write and seek with std's traits on what has tokio's. As [`blocking`](crate::blocking).
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    pub fn blocking<T>(&self, io: T) -> Blocking<T> {
        let (access, io) = self.serving(io);
        Blocking::new(io, access.clone())
    }

    /// Iterate over a stream; each `next` blocks the calling thread, which polls the stream. As
    /// [`iter`](crate::iter).
    ///
    /// # Panics
    /// Here if the runtime cannot be started, in `next` as [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn iter<S: Stream>(&self, stream: S) -> Iter<S> {
        let (access, stream) = self.serving(stream);
        Iter::new(stream, access.clone(), self.config.carry.clone())
    }

    /// The tokio handle of the runner's runtime, for everything that tokio offers.
    ///
    /// # Panics
    /// If the runtime cannot be started.
    #[track_caller]
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.access().handle().clone()
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Cancel the tasks and block, at most for `limit`, until the threads have ended.
    ///
    /// Safe anywhere, async code included. A task is dropped where it awaits; code that blocks a
    /// thread is waited for. A runner made of a handle ends nothing, since its runtime is not its own.
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
    pub fn shutdown(self, limit: Duration) -> Result<(), StillRunning> {
        self.close(limit)
    }

    /// [`Runner::shutdown`] for a runner that others share, a static for instance. It stays closed: later calls
    /// panic and say so. May be called again.
    ///
    /// Calls that are under way on other threads end with their futures, or with a panic that says that the
    /// runner has ended, when they are woken next. One that makes a timer in that very moment has tokio's own
    /// panic, which says that its context is being shutdown.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sideloop::Runner;
    ///
    /// static DATABASE: Runner = Runner::const_new("database");
    ///
    /// DATABASE.run_sync(async { tokio::task::yield_now().await });
    /// DATABASE.close(Duration::from_secs(5)).expect("nothing blocks its thread");
    /// ```
    ///
    /// # Errors
    /// [`StillRunning`] if threads are left after `limit`.
    pub fn close(&self, limit: Duration) -> Result<(), StillRunning> {
        match self.lives.close() {
            Some(engine) => shutdown::end(engine, self.name(), limit),
            None => Ok(()),
        }
    }

    /// What a call on it goes by.
    #[inline]
    pub(crate) fn terms(&self, limit: Option<Instant>) -> Terms<'_> {
        let on = match self.lives.running() {
            Some(engine) => On::Running(engine.access()),
            None => On::Runner(self),
        };
        Terms { on, limit }
    }

    #[inline]
    #[track_caller]
    fn access(&self) -> &Access {
        self.serving(()).0
    }

    /// The access, for what the user has given, which is dropped inside if it is refused.
    #[inline]
    #[track_caller]
    fn serving<T>(&self, given: T) -> (&Access, T) {
        match self.lives.running() {
            Some(engine) => (engine.access(), given),
            None => match self.start() {
                Ok(access) => (access, given),
                Err(refusal) => {
                    self.inside_if_any(|| drop(given));
                    refuse(self.name(), &refusal)
                }
            },
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn start(&self) -> Result<&Access, Refusal> {
        self.lives.engine(&self.config).map(Engine::access)
    }

    /// Drop what is refused; inside, if there is a runtime: one that has ended can be entered all the same.
    #[cold]
    pub(crate) fn inside_if_any(&self, drops: impl FnOnce()) {
        match self.lives.newest_engine() {
            Some(engine) => engine.access().inside(drops),
            None => drops(),
        }
    }
}

/// A runner on a runtime of yours: an application's calls stay in it, with its threads, its I/O and its pools.
///
/// The runner keeps the runtime's name, starts no thread and ends none. When the runtime ends, so does what its
/// futures wait for, and they say so themselves; a fork's child cannot use it.
///
/// Calls inside of a `current_thread` runtime, on a runner of that very runtime, wait for nothing but their own
/// future: its I/O and timers do not advance while the call blocks its only thread.
///
/// ```
/// let runtime = tokio::runtime::Runtime::new()?;
/// let runner = sideloop::Runner::from(runtime.handle().clone());
/// assert_eq!(runner.handle().id(), runtime.handle().id());
/// assert_eq!(runner.run_sync(async { 22 }), 22);
/// # Ok::<(), std::io::Error>(())
/// ```
impl From<Handle> for Runner {
    fn from(handle: Handle) -> Self {
        let name = handle.name().unwrap_or("tokio").to_owned();
        let mut config = Config::named(Cow::Owned(name));
        config.given = Some(Given { handle, generation: generation::current() });
        Self { config, lives: Lives::new() }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("config", &self.config).finish_non_exhaustive()
    }
}
