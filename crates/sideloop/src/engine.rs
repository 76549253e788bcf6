//! An engine: one tokio runtime, from start to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::builder::Config;
use crate::fork;

/// The most threads that one runner has for blocked calls and `spawn_blocking` together. A call on a
/// worker thread takes one for as long as it waits; tokio's 512 can be had by a busy server, and beyond
/// the limit a worker that blocks has nobody to go on for it.
const MOST_THREADS: usize = 4096;

/// Threads that are alive.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<AtomicUsize>);

impl Threads {
    // ORDERING: Relaxed throughout: a number to report, which publishes nothing.
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The I/O driver, the timers and the threads for spawned tasks. Dropped, it ends without waiting.
pub(crate) struct Engine {
    runtime: Option<Runtime>,
    handle: Handle,
    threads: Threads,
}

impl Engine {
    pub(crate) fn start(config: &Config) -> io::Result<Self> {
        fork::watch()?;
        let threads = Threads::default();
        let (started, stopping) = (threads.clone(), threads.clone());
        let runtime = Builder::new_multi_thread()
            .name(config.name.as_ref())
            .thread_name(config.name.as_ref())
            .worker_threads(config.workers.get())
            .max_blocking_threads(MOST_THREADS)
            .on_thread_start(move || started.one_more())
            .on_thread_stop(move || stopping.one_less())
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime), threads })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn threads(&self) -> Threads {
        self.threads.clone()
    }

    /// Cancel the tasks and wait, at most for `limit`, until the threads have ended. Panics in async
    /// code.
    pub(crate) fn end(mut self, limit: Duration) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(limit);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Does not work: to drop the runtime. That waits, and panics in async code.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
