//! A task: a future that runs on a runner's threads.

use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::builder::Rules;
use crate::depth::{InTask, TaskDepth};
use crate::drive::drive;
use crate::engine::runner;
use crate::error::{Refusal, refuse};

/// A future that runs on a runner's threads; made by [`spawn`](crate::spawn) and
/// [`Runner::spawn`](crate::Runner::spawn).
///
/// Dropped, it is cancelled: its future is dropped where it awaits. [`Task::detach`] lets it go on.
/// Async code may await it, sync code calls [`Task::join`]; either way a panic of the task goes on there.
///
/// ```
/// let task = sideloop::spawn(async {
///     tokio::task::yield_now().await;
///     22
/// });
/// assert_eq!(task.join(), 22);
/// ```
#[must_use = "a task is cancelled when it is dropped: join, await or detach it"]
pub struct Task<T> {
    running: Running<T>,
    handle: Handle,
    rules: Rules,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn<F>(future: F, handle: &Handle, rules: Rules) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let depth = Arc::new(TaskDepth::default());
        let inside = Arc::clone(&depth);
        let join = handle.spawn(async move {
            let mut future = pin!(future);
            poll_fn(|context| {
                let _in_task = InTask::enter(&inside);
                future.as_mut().poll(context)
            })
            .await
        });
        Self { running: Running { join: Some(join), depth }, handle: handle.clone(), rules }
    }
}

impl<T> Task<T> {
    /// Block the calling thread until the task has ended, and return its output.
    ///
    /// # Panics
    /// With the task's own panic and its payload; if its runner has ended before it; and as
    /// [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn join(self) -> T {
        let Self { running, handle, rules } = self;
        match drive(running, &handle, rules, None) {
            Ok(ended) => output(ended, &handle),
            Err(refusal) => refuse(runner(&handle), &refusal),
        }
    }

    /// Let it run on with nobody waiting for it.
    pub fn detach(mut self) {
        self.running.join = None;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running.join.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.running).poll(context).map(|ended| output(ended, &self.handle))
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

#[track_caller]
fn output<T>(ended: Result<T, JoinError>, handle: &Handle) -> T {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => refuse(runner(handle), &Refusal::Cancelled),
    }
}

/// The running task: cancelled when this is dropped, unless it was detached.
struct Running<T> {
    // None once detached.
    join: Option<JoinHandle<T>>,
    depth: Arc<TaskDepth>,
}

impl<T> Future for Running<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.depth.waited_for();
        match &mut self.join {
            Some(join) => Pin::new(join).poll(context),
            // Nobody is left who could poll it.
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(join) = &self.join {
            join.abort();
        }
    }
}
