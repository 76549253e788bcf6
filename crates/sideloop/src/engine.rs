//! An engine: one tokio runtime, from start to end.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::access::{Access, Watched};
use crate::builder::{Config, Hook};
use crate::fork;
use crate::gate::Gate;

/// How often building is tried again where the machine was too busy to tell whether it had failed.
const TRIES: u32 = 3;

/// Threads that are alive: how many, and who waits for their end.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<(Mutex<usize>, Condvar)>);

impl Threads {
    fn one_more(&self) {
        *self.alive() += 1;
    }

    fn one_less(&self) {
        *self.alive() -= 1;
        self.0.1.notify_all();
    }

    pub(crate) fn count(&self) -> usize {
        *self.alive()
    }

    /// Block until there is none, or until `limit`.
    pub(crate) fn wait_for_none(&self, limit: Option<Instant>) {
        let (ended, some) = (&self.0.1, |alive: &mut usize| *alive > 0);
        match limit.map(|limit| limit.saturating_duration_since(Instant::now())) {
            None => drop(ended.wait_while(self.alive(), some)),
            Some(rest) => drop(ended.wait_timeout_while(self.alive(), rest, some)),
        }
    }

    fn alive(&self) -> MutexGuard<'_, usize> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an engine has begun to end: what its runtime would have done does not come any more.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    // ORDERING: Release pairs with Acquire: whoever is woken by the end of the runtime sees it told.
    pub(crate) fn tell(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The I/O driver, the timers and the threads for spawned tasks. Dropped, it ends without waiting.
pub(crate) struct Engine {
    // Behind a lock for whoever ends it while others look at the rest. None once it is ended, and if it
    // is somebody else's.
    runtime: Mutex<Option<Runtime>>,
    access: Access,
    threads: Threads,
}

impl Engine {
    pub(crate) fn start(config: &Config) -> io::Result<Self> {
        fork::watch()?;
        for _ in 0..TRIES {
            let (threads, gate) = (Threads::default(), Arc::new(Gate::new()));
            let mut builder = builder(config, &threads, &gate);
            // Unwind safe: all that it leaves half-done is its own, and is dropped.
            let runtime =
                catch_unwind(AssertUnwindSafe(|| builder.build())).map_err(no_thread)??;
            if gate.open() {
                let access = Access::new(runtime.handle().clone(), config.rules, Watched::Yes);
                return Ok(Self { runtime: Mutex::new(Some(runtime)), access, threads });
            }
            runtime.shutdown_background();
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "its threads had to wait too long for a CPU"))
    }

    /// On a runtime that somebody else owns, and ends.
    pub(crate) fn on(handle: &Handle, config: &Config) -> io::Result<Self> {
        fork::watch()?;
        let access = Access::new(handle.clone(), config.rules, Watched::No);
        Ok(Self { runtime: Mutex::new(None), access, threads: Threads::default() })
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn threads(&self) -> Threads {
        self.threads.clone()
    }

    /// Begin the end: the runtime, if it is ours and nobody else has taken it.
    pub(crate) fn take(&self) -> Option<Runtime> {
        self.access.ended().tell();
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Cancel the tasks, and wait for nothing.
    pub(crate) fn end_at_once(&self) {
        // Does not work: to drop the runtime. That waits, and panics in async code.
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end_at_once();
    }
}

fn builder(config: &Config, threads: &Threads, gate: &Arc<Gate>) -> Builder {
    let (started, stopping) = (threads.clone(), threads.clone());
    let (on_start, on_stop) = (config.on_start.clone(), config.on_stop.clone());
    let gate = Arc::clone(gate);
    let mut builder = Builder::new_multi_thread();
    builder
        .name(config.name.as_ref())
        .thread_name(config.name.as_ref())
        .worker_threads(config.workers.get())
        // tokio adds the two.
        .max_blocking_threads(config.most_threads.min(usize::MAX - config.workers.get()))
        .on_thread_start(move || {
            gate.pass();
            started.one_more();
            call(on_start.as_ref());
        })
        .on_thread_stop(move || {
            call(on_stop.as_ref());
            stopping.one_less();
        })
        .enable_all();
    if let Some(bytes) = fork::stack_size(config.stack_size) {
        builder.thread_stack_size(bytes);
    }
    if let Some(time) = config.keep_alive {
        builder.thread_keep_alive(time);
    }
    builder
}

/// Call a hook of the user's. A panic of it would end the thread, and with it what the runtime needs.
fn call(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        // Unwind safe: nothing of ours is touched, and the program's panic hook has said what there is to say.
        let _ = catch_unwind(AssertUnwindSafe(|| hook()));
    }
}

/// tokio panics where a thread is refused to it.
fn no_thread(panic: Box<dyn Any + Send>) -> io::Error {
    let said = match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => {
            panic.downcast::<&str>().map_or_else(|_| "a panic".into(), |said| (*said).into())
        }
    };
    io::Error::new(io::ErrorKind::WouldBlock, said)
}
