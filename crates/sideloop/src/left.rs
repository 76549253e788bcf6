//! What a scope shares with its tasks: how many are held, and what each has left.

use std::any::Any;
use std::future::poll_fn;
use std::mem;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use sideloop_core::generation;
use sideloop_core::held::Held;
use tokio::task::AbortHandle;

use crate::access::Access;
use crate::depth::TaskDepth;
use crate::drive::AfterEnd;
use crate::error::{Refusal, refuse};
use crate::place::{self, Waited};
use crate::waker::Waiter;

pub(crate) type Panic = Box<dyn Any + Send>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the caller and all that it waits for share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) held: Arc<Held>,
    /// The first panic that nobody has joined.
    pub(crate) panic: Mutex<Option<Panic>>,
    tasks: Mutex<Vec<AbortHandle>>,
    pub(crate) depth: Arc<TaskDepth>,
}

impl Shared {
    pub(crate) fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        self.depth.waited_for();
        self.held.poll_none(context)
    }

    /// Wait until nothing is held. Returns early only in a fork's child, with what is to be said there.
    pub(crate) fn wait(&self, access: &Access) -> Result<(), Refusal> {
        let ended = poll_fn(|context| self.poll_ended(context));
        match access.drive(ended, None, AfterEnd::Polled) {
            Ok(()) => return Ok(()),
            Err(forked @ (Refusal::Forked | Refusal::Inherited)) => return Err(forked),
            // It has to be waited for all the same.
            Err(_) => {}
        }
        place::block(access.rules().block_in_place, &mut |_| Waited::Ended(self.wait_plainly()))
    }

    fn wait_plainly(&self) -> Result<(), Refusal> {
        let (waiter, generation) = (Waiter::new(), generation::current());
        while self.poll_ended(&mut Context::from_waker(waiter.waker())).is_pending() {
            let _ = waiter.wait(None);
            if generation::current() != generation {
                return Err(Refusal::Forked);
            }
        }
        waiter.keep();
        Ok(())
    }

    pub(crate) fn cancel(&self) {
        lock(&self.tasks).drain(..).for_each(|task| task.abort());
    }

    pub(crate) fn remember(&self, task: AbortHandle) {
        let mut tasks = lock(&self.tasks);
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }
}

/// What came of a task.
pub(crate) enum Outcome<T> {
    Running(Option<Waker>),
    Ended(thread::Result<T>),
    Refused(Refusal),
    Taken,
}

/// Where a task leaves what came of it.
pub(crate) struct Left<T> {
    outcome: Mutex<Outcome<T>>,
    pub(crate) shared: Arc<Shared>,
}

impl<T> Left<T> {
    pub(crate) fn new(shared: &Arc<Shared>) -> Arc<Self> {
        let outcome = Mutex::new(Outcome::Running(None));
        Arc::new(Self { outcome, shared: Arc::clone(shared) })
    }

    pub(crate) fn leave(&self, outcome: Outcome<T>) {
        let before = mem::replace(&mut *lock(&self.outcome), outcome);
        if let Outcome::Running(Some(waits)) = before {
            waits.wake();
        }
    }

    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Outcome<T>> {
        self.shared.depth.waited_for();
        let mut outcome = lock(&self.outcome);
        match &mut *outcome {
            Outcome::Running(waits) => {
                *waits = Some(context.waker().clone());
                Poll::Pending
            }
            ended => Poll::Ready(mem::replace(ended, Outcome::Taken)),
        }
    }
}

impl<T> Drop for Left<T> {
    fn drop(&mut self) {
        let outcome = self.outcome.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Outcome::Ended(Err(panic)) = mem::replace(outcome, Outcome::Taken) {
            lock(&self.shared.panic).get_or_insert(panic);
        }
    }
}

/// What came of a wait for a task: its output, or a panic.
#[track_caller]
pub(crate) fn output<T>(access: &Access, ended: Result<Outcome<T>, Refusal>) -> T {
    match ended {
        Ok(Outcome::Ended(Ok(output))) => output,
        Ok(Outcome::Ended(Err(panic))) => resume_unwind(panic),
        Ok(Outcome::Refused(refusal)) | Err(refusal) => refuse(access.runner(), &refusal),
        Ok(Outcome::Running(_) | Outcome::Taken) => refuse(access.runner(), &Refusal::Cancelled),
    }
}
