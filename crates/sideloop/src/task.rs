//! A task: a future that runs on a runner's threads.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::access::Access;
use crate::depth::{InTask, TaskDepth};
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
    // None once detached.
    running: Option<JoinHandle<T>>,
    depth: Arc<TaskDepth>,
    access: Access,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn<F>(future: F, handle: &Handle, access: Access) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let depth = Arc::new(TaskDepth::default());
        let inside = Arc::clone(&depth);
        let running = handle.spawn(async move {
            let mut future = pin!(future);
            poll_fn(|context| {
                let _in_task = InTask::enter(&inside);
                future.as_mut().poll(context)
            })
            .await
        });
        Self { running: Some(running), depth, access }
    }
}

impl<T> Task<T> {
    /// Block the calling thread until the task has ended, and return its output.
    ///
    /// # Panics
    /// With the task's own panic and its payload; if its runner has ended before it; in a fork's child,
    /// if the task is the parent's; and as [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn join(mut self) -> T {
        let Self { running, depth, access } = &mut self;
        match access.drive(poll_fn(|context| poll_end(running, depth, context))) {
            Ok(ended) => output(ended, access),
            Err(refusal) => refuse(access.runner(), &refusal),
        }
    }

    /// Let it run on with nobody waiting for it.
    pub fn detach(mut self) {
        self.let_go();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn let_go(&mut self) {
        let running = self.running.take();
        if self.access.is_inherited() {
            // A lock that it takes may be held by a thread that is in the parent.
            mem::forget(running);
        }
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { running, depth, access } = &mut *self;
        if access.is_inherited() {
            refuse(access.runner(), &Refusal::Inherited);
        }
        poll_end(running, depth, context).map(|ended| output(ended, access))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        match &self.running {
            Some(running) if !self.access.is_inherited() => running.abort(),
            Some(_) | None => self.let_go(),
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

fn poll_end<T>(
    running: &mut Option<JoinHandle<T>>,
    depth: &TaskDepth,
    context: &mut Context<'_>,
) -> Poll<Result<T, JoinError>> {
    depth.waited_for();
    match running {
        Some(running) => Pin::new(running).poll(context),
        // Detached, and so nobody is left who could poll it.
        None => Poll::Pending,
    }
}

#[track_caller]
fn output<T>(ended: Result<T, JoinError>, access: &Access) -> T {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => refuse(access.runner(), &Refusal::Cancelled),
    }
}
