//! Other ways to run a future from sync code, and sideloop's.
//!
//! Two of them pass the future to another thread, so all are given futures that could be passed.

use std::pin::Pin;
use std::sync::mpsc as std_mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

/// A way to run a future from sync code.
pub trait Peer: Sync {
    /// What the tables call it.
    const NAME: &'static str;

    /// Run the future to its end.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static;
}

/// A multi-thread runtime with two workers, as sideloop's runners have.
#[must_use]
pub fn multi_thread() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads and descriptors to spare")
}

/// A `current_thread` runtime.
#[must_use]
pub fn current_thread() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("descriptors to spare")
}

/// `sideloop::run_sync`.
pub struct Sideloop;

impl Peer for Sideloop {
    const NAME: &'static str = "sideloop run_sync";

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        sideloop::run_sync(future)
    }
}

/// `sideloop::spawn` and `join`: the future runs on a worker.
pub struct Spawned;

impl Peer for Spawned {
    const NAME: &'static str = "sideloop spawn and join";

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        sideloop::spawn(future).join()
    }
}

/// `Handle::block_on` of a multi-thread runtime. Panics inside of runtimes.
pub struct HandleBlockOn(Runtime);

impl Default for HandleBlockOn {
    fn default() -> Self {
        Self(multi_thread())
    }
}

impl Peer for HandleBlockOn {
    const NAME: &'static str = "Handle block_on";

    #[expect(clippy::disallowed_methods, reason = "the peer")]
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.handle().block_on(future)
    }
}

/// `block_in_place` and `Handle::block_on`. For the worker threads of multi-thread runtimes.
pub struct BlockInPlace;

impl Peer for BlockInPlace {
    const NAME: &'static str = "block_in_place and block_on";

    #[expect(clippy::disallowed_methods, reason = "the peer")]
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::task::block_in_place(|| Handle::current().block_on(future))
    }
}

/// A `current_thread` runtime of the caller's own, which runs nothing between calls.
pub struct Owned(Runtime);

impl Default for Owned {
    fn default() -> Self {
        Self(current_thread())
    }
}

impl Peer for Owned {
    const NAME: &'static str = "owned current_thread";

    #[expect(clippy::disallowed_methods, reason = "the peer")]
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.block_on(future)
    }
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A thread that runs one future after the other.
pub struct DedicatedThread(std_mpsc::Sender<Job>);

impl Default for DedicatedThread {
    #[expect(clippy::disallowed_methods, reason = "the peer")]
    fn default() -> Self {
        let (sender, jobs) = std_mpsc::channel::<Job>();
        thread::spawn(move || {
            let runtime = current_thread();
            jobs.into_iter().for_each(|job| runtime.block_on(job));
        });
        Self(sender)
    }
}

impl Peer for DedicatedThread {
    const NAME: &'static str = "dedicated thread and oneshot";

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // Not tokio's oneshot: inside a task it would wait for ever once the task's budget is used up.
        let (sender, receiver) = std_mpsc::sync_channel(1);
        let job = Box::pin(async move {
            let _ = sender.send(future.await);
        });
        self.0.send(job).expect("the thread runs as long as this");
        receiver.recv().expect("it does not panic")
    }
}

/// As reqwest's blocking client does: a thread with a runtime, which spawns what comes through a tokio
/// channel. Not for the inside of runtimes.
pub struct ReqwestsPattern(mpsc::UnboundedSender<Job>);

impl Default for ReqwestsPattern {
    #[expect(clippy::disallowed_methods, reason = "the peer")]
    fn default() -> Self {
        let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
        thread::spawn(move || {
            current_thread().block_on(async {
                while let Some(job) = jobs.recv().await {
                    tokio::spawn(job);
                }
            });
        });
        Self(sender)
    }
}

impl Peer for ReqwestsPattern {
    const NAME: &'static str = "reqwest's blocking pattern";

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::pin(async move {
            let _ = sender.send(future.await);
        });
        assert!(self.0.send(job).is_ok(), "the thread runs as long as this");
        pollster::block_on(receiver).expect("it does not panic")
    }
}

/// pollster, with a multi-thread runtime entered.
pub struct Pollster(Runtime);

impl Default for Pollster {
    fn default() -> Self {
        Self(multi_thread())
    }
}

impl Peer for Pollster {
    const NAME: &'static str = "pollster in a runtime's context";

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let _entered = self.0.enter();
        pollster::block_on(future)
    }
}
