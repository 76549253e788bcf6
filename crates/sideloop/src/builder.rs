//! How a runner is to be: its name, its threads, its limits.

use std::borrow::Cow;
use std::num::NonZero;

use crate::Runner;
use crate::lives::Lives;

/// How deep calls may be nested. The same as the Python package's.
const NESTING_LIMIT: u32 = 128;

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

/// What a runner's threads are made from.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: Cow<'static, str>,
    pub(crate) workers: NonZero<usize>,
    pub(crate) rules: Rules,
}

impl Config {
    pub(crate) const fn named(name: Cow<'static, str>) -> Self {
        let rules =
            Rules { nesting_limit: NESTING_LIMIT, block_in_place: BlockInPlace::WhereNeeded };
        Self { name, workers: NonZero::<usize>::MIN, rules }
    }
}

/// Makes a [`Runner`]. [`Runner::builder`] begins.
///
/// ```
/// use std::num::NonZero;
/// use sideloop::Runner;
///
/// let runner = Runner::builder("database").workers(NonZero::new(2).unwrap()).build();
/// assert_eq!(runner.run_sync(async { 22 }), 22);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before build()"]
pub struct Builder(Config);

impl Builder {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self(Config::named(name))
    }

    /// How many worker threads run the I/O driver, the timers and spawned tasks. One unless told; the
    /// futures of calls run on their callers' threads and need none.
    pub fn workers(mut self, workers: NonZero<usize>) -> Self {
        self.0.workers = workers;
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
}
