//! A task: a future that runs on a runner's threads.

use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle};

use crate::access::Access;
use crate::carry::{Carry, poll_with};
use crate::depth::{InTask, TaskDepth};
use crate::drive::AfterEnd;
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
    // None once detached, or its output taken.
    running: Option<JoinHandle<T>>,
    depth: Arc<TaskDepth>,
    access: Access,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn<F>(future: F, access: Access, carry: Option<&Carry>) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let depth = Arc::new(TaskDepth::default());
        let inside = Arc::clone(&depth);
        // A runtime that has ended drops it here.
        let running = access.inside(|| {
            let mut carried = carry.map(Carry::take_along);
            access.handle().spawn(async move {
                let mut future = pin!(future);
                poll_fn(|context| {
                    let _in_task = InTask::enter(&inside);
                    poll_with(&mut carried, || future.as_mut().poll(context))
                })
                .await
            })
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
        match self.wait(None) {
            Ok(ended) => output(ended, &self.access),
            Err(refusal) => refuse(self.access.runner(), &refusal),
        }
    }

    /// [`Task::join`] with a limit on the wait. After the limit the task is given back, and runs on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let task = sideloop::spawn(std::future::pending::<()>());
    /// let task = task.join_timeout(Duration::from_millis(5)).unwrap_err();
    /// drop(task); // cancelled
    /// ```
    ///
    /// # Errors
    /// The task, if it has not ended within `limit`.
    ///
    /// # Panics
    /// As [`Task::join`].
    #[track_caller]
    pub fn join_timeout(mut self, limit: Duration) -> Result<T, Self> {
        match self.wait(Instant::now().checked_add(limit)) {
            Ok(ended) => Ok(output(ended, &self.access)),
            Err(Refusal::TimedOut) => Err(self),
            Err(refusal) => refuse(self.access.runner(), &refusal),
        }
    }

    /// The output, if the task has ended. Does not block.
    ///
    /// ```
    /// let mut task = sideloop::spawn(async { 22 });
    /// let output = loop {
    ///     match task.try_join() {
    ///         Ok(output) => break output,
    ///         Err(running) => task = running, // and do something else meanwhile
    ///     }
    /// };
    /// assert_eq!(output, 22);
    /// ```
    ///
    /// # Errors
    /// The task, if it has not ended.
    ///
    /// # Panics
    /// As [`Task::join`].
    #[track_caller]
    pub fn try_join(self) -> Result<T, Self> {
        if self.access.is_inherited() {
            refuse(self.access.runner(), &Refusal::Inherited);
        }
        if self.is_finished() { Ok(self.join()) } else { Err(self) }
    }

    /// Ask it to end: its future is dropped where it awaits. Does not block.
    ///
    /// A task that ends all the same, because it does not await any more, has its output as usual. To join
    /// one that was cancelled panics; [`Task::cancel_and_wait`] does not.
    pub fn cancel(&self) {
        if let Some(running) = &self.running {
            // In a fork's child there is nothing to end, and its locks may be held for good.
            if !self.access.is_inherited() {
                running.abort();
            }
        }
    }

    /// Cancel it, and block the calling thread until its future has been dropped, at most for `limit`.
    ///
    /// The output, if it had ended before it was cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let task = sideloop::spawn(std::future::pending::<()>());
    /// let ended = task.cancel_and_wait(Duration::from_secs(5)).expect("it does not block its thread");
    /// assert_eq!(ended, None);
    /// ```
    ///
    /// # Errors
    /// The task, if it blocks its thread and so has not ended within `limit`.
    ///
    /// # Panics
    /// With the task's own panic and its payload, and as [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn cancel_and_wait(mut self, limit: Duration) -> Result<Option<T>, Self> {
        self.cancel();
        match self.wait(Instant::now().checked_add(limit)) {
            Ok(Ok(output)) => Ok(Some(output)),
            Ok(Err(error)) if error.is_cancelled() => Ok(None),
            Ok(ended) => Ok(Some(output(ended, &self.access))),
            Err(Refusal::TimedOut) => Err(self),
            Err(refusal) => refuse(self.access.runner(), &refusal),
        }
    }

    /// Wait for its end. After that nobody may ask again.
    fn wait(&mut self, limit: Option<Instant>) -> Result<Result<T, JoinError>, Refusal> {
        let Self { running, depth, access } = self;
        let ended = access.drive(
            poll_fn(|context| poll_end(running, depth, context)),
            limit,
            AfterEnd::Polled,
        )?;
        ended.ok_or(Refusal::Taken)
    }

    /// Whoever calls this waits for it, though not for its output.
    pub(crate) fn waited_for(&self) {
        self.depth.waited_for();
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
        if let Some(running) = self.running.take() {
            // An output that nobody takes is dropped here; in a fork's child it is the parent's, and a
            // lock may be held by a thread that is there.
            self.access.drop_inside(running);
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
        match poll_end(running, depth, context) {
            Poll::Ready(Some(ended)) => Poll::Ready(output(ended, access)),
            Poll::Ready(None) => refuse(access.runner(), &Refusal::Taken),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.cancel();
        self.let_go();
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// What it ends with, once.
fn poll_end<T>(
    running: &mut Option<JoinHandle<T>>,
    depth: &TaskDepth,
    context: &mut Context<'_>,
) -> Poll<Option<Result<T, JoinError>>> {
    depth.waited_for();
    let Some(handle) = running else { return Poll::Ready(None) };
    let ended = ready!(Pin::new(handle).poll(context));
    *running = None;
    Poll::Ready(Some(ended))
}

#[track_caller]
fn output<T>(ended: Result<T, JoinError>, access: &Access) -> T {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => refuse(access.runner(), &Refusal::Cancelled),
    }
}
