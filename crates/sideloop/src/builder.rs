//! How a runner is to be: its name, its threads, its limits.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use sideloop_core::generation;
use tokio::runtime::Handle;

use crate::carry::Carry;
use crate::engine::Engine;
use crate::error::Refusal;
use crate::lives::Lives;
use crate::{AlreadyInUse, Runner, global};

/// How deep calls may be nested. The same as the Python package's.
const NESTING_LIMIT: u32 = 128;

/// Two, so that a task that blocks its thread stalls neither the timers nor the I/O of the others.
const WORKERS: NonZero<usize> = NonZero::new(2).expect("two is not zero");

/// The most threads that one runner has for blocked calls and `spawn_blocking` together. A call on a
/// worker thread takes one for as long as it waits; tokio's 512 can be had by a busy server, and beyond
/// the limit a worker that blocks has nobody to go on for it.
const MOST_THREADS: usize = 4096;

/// Whether a call on a worker thread of a multi-thread runtime hands the worker's duties to another thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockInPlace {
    /// With tokio's `block_in_place`, on the worker threads of multi-thread runtimes: what the blocked
    /// worker had queued runs on.
    #[default]
    WhereNeeded,
    /// Never. The worker blocks with what it has queued, and what the future defers (tokio's
    /// `yield_now` does) is looked after once a millisecond. For code that must not have its thread's role changed.
    Never,
}

/// What calls of one runner go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) nesting_limit: u32,
    pub(crate) block_in_place: BlockInPlace,
}

/// What is called on each thread of a runner.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

/// A runtime that is somebody else's, and the fork generation in which it was given.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) handle: Handle,
    pub(crate) generation: u32,
}

/// What a runner's threads are made from.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) name: Cow<'static, str>,
    pub(crate) workers: NonZero<usize>,
    pub(crate) most_threads: usize,
    pub(crate) stack_size: Option<usize>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) carry: Option<Carry>,
    pub(crate) given: Option<Given>,
    pub(crate) rules: Rules,
}

impl Config {
    pub(crate) const fn named(name: Cow<'static, str>) -> Self {
        let rules =
            Rules { nesting_limit: NESTING_LIMIT, block_in_place: BlockInPlace::WhereNeeded };
        Self {
            name,
            workers: WORKERS,
            most_threads: MOST_THREADS,
            stack_size: None,
            keep_alive: None,
            on_start: None,
            on_stop: None,
            carry: None,
            given: None,
            rules,
        }
    }

    /// The engine of this generation.
    pub(crate) fn start(&self) -> Result<Engine, Refusal> {
        match &self.given {
            None => Engine::start(self).map_err(Refusal::NotStarted),
            Some(given) if given.generation != generation::current() => Err(Refusal::Inherited),
            Some(given) => Engine::on(&given.handle, self).map_err(Refusal::NotStarted),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// A name goes to threads, whose names are C strings, and into every message.
#[track_caller]
pub(crate) const fn check(name: &str) {
    let bytes = name.as_bytes();
    let (mut at, mut seen) = (0, false);
    while at < bytes.len() {
        assert!(
            bytes[at] != 0,
            "sideloop: the name of a runner holds a NUL; threads cannot bear it"
        );
        seen |= !bytes[at].is_ascii_whitespace();
        at += 1;
    }
    assert!(seen, "sideloop: the name of a runner is empty; give it one that its threads can bear");
}

/// Makes a [`Runner`]. [`Runner::builder`] begins.
///
/// ```
/// use std::num::NonZero;
/// use sideloop::Runner;
///
/// let runner = Runner::builder("database").workers(NonZero::new(4).unwrap()).build();
/// assert_eq!(runner.run_sync(async { 22 }), 22);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before build()"]
pub struct Builder(Config);

impl Builder {
    #[track_caller]
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        check(&name);
        Self(Config::named(name))
    }

    /// How many worker threads run the I/O driver, the timers and spawned tasks. Two unless told; the
    /// futures of calls run on their callers' threads and need none.
    ///
    /// With one, a task that blocks its thread stalls every timer and all I/O of the runner.
    pub fn workers(mut self, workers: NonZero<usize>) -> Self {
        self.0.workers = workers;
        self
    }

    /// The most threads beside the workers: for `spawn_blocking`, and one for each call that waits on a
    /// worker thread. 4,096 unless told.
    pub fn most_threads(mut self, threads: NonZero<usize>) -> Self {
        self.0.most_threads = threads.get();
        self
    }

    /// The stack of each thread, in bytes. The platform's unless told (2 MiB for most).
    pub fn stack_size(mut self, bytes: NonZero<usize>) -> Self {
        self.0.stack_size = Some(bytes.get());
        self
    }

    /// How long a thread that is not a worker stays when it has nothing to do. Ten seconds unless told.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.0.keep_alive = Some(time);
        self
    }

    /// Called on each of the runner's threads when it has started. A panic of it is told to the panic hook, and
    /// the thread goes on.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.0.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each of the runner's threads before it ends. A panic of it is told to the panic hook, and the
    /// thread ends as it would have.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.0.on_stop = Some(Arc::new(hook));
        self
    }

    /// What tasks take along from where they are spawned: the current tracing span, task-locals, anything
    /// that is set for the time of a closure.
    ///
    /// `carry` is called on the thread that spawns, in [`Runner::spawn`] and whatever is built on it
    /// ([`Runner::scope`], [`Runner::map`], [`Iter::read_ahead`](crate::Iter::read_ahead)). What it returns is called
    /// on a thread of the runner at each poll of the task, and must call what it is given, once. For
    /// [`Runner::run_sync_apart`] it is called once, around the whole of it.
    ///
    /// ```
    /// use sideloop::Runner;
    ///
    /// tokio::task_local! { static REQUEST: u32; }
    ///
    /// let runner = Runner::builder("requests")
    ///     .carry(|| {
    ///         let request = REQUEST.try_with(|request| *request).ok();
    ///         move |poll: &mut dyn FnMut()| match request {
    ///             Some(request) => REQUEST.sync_scope(request, poll),
    ///             None => poll(),
    ///         }
    ///     })
    ///     .build();
    /// let task = REQUEST.sync_scope(22, || runner.spawn(async { REQUEST.get() }));
    /// assert_eq!(task.join(), 22);
    /// ```
    ///
    /// With the crate tracing:
    ///
    /// ```
    /// # use sideloop::Runner;
    /// let runner = Runner::builder("traced")
    ///     .carry(|| {
    ///         let span = tracing::Span::current();
    ///         move |poll: &mut dyn FnMut()| span.in_scope(poll)
    ///     })
    ///     .build();
    /// # runner.spawn(async {}).join();
    /// ```
    pub fn carry<C, W>(mut self, carry: C) -> Self
    where
        C: Fn() -> W + Send + Sync + 'static,
        W: FnMut(&mut dyn FnMut()) + Send + 'static,
    {
        self.0.carry = Some(Carry::new(carry));
        self
    }

    /// How deep calls may be nested before they panic: 128 unless told.
    ///
    /// Counted are the calls under way on the calling thread and, in a task of
    /// [`Runner::spawn`](crate::Runner::spawn), those that wait for that task. Each takes stack, and each
    /// in a task a thread.
    pub fn nesting_limit(mut self, calls: u32) -> Self {
        self.0.rules.nesting_limit = calls;
        self
    }

    /// Whether calls on worker threads of multi-thread runtimes use tokio's `block_in_place`:
    /// [`BlockInPlace::WhereNeeded`] unless told.
    pub fn block_in_place(mut self, block_in_place: BlockInPlace) -> Self {
        self.0.rules.block_in_place = block_in_place;
        self
    }

    /// The runner. Starts no thread: its first call does.
    pub fn build(self) -> Runner {
        Runner { config: self.0, lives: Lives::new() }
    }

    /// Make it the global runner, which the functions of this crate use. Starts no thread.
    ///
    /// It is for programs, at the beginning of `main`, not for libraries: there is one for all.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use sideloop::Runner;
    ///
    /// Runner::builder("bridge").workers(NonZero::new(4).unwrap()).build_global()?;
    /// assert_eq!(sideloop::handle().metrics().num_workers(), 4);
    /// # Ok::<(), sideloop::AlreadyInUse>(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadyInUse`] if the global runner has been used or set before.
    pub fn build_global(self) -> Result<(), AlreadyInUse> {
        global::set(self.build())
    }
}
