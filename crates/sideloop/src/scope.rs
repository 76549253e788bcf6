//! What runs on the runner's threads and borrows from its caller, who waits until it has ended.
//!
//! A task or job lives in a box whose lifetime is hidden from tokio. That is sound because of [`Hold`]: each
//! box has one, and drops it last, after the future, what the future borrows, and the output, if nobody
//! took that. The caller leaves only when none is held:
//!
//! ```text
//!   caller   scope(..) ─ spawn ────────────── body ends ─ waits ─────────── leaves
//!                          │ hold()                         ▲ held == 0
//!   tokio                  └─ box: future … output, or dropped ─ Hold dropped
//! ```
//!
//! Neither a panic nor a refusal of ours gets around that wait. Only a fork's child leaves at once: it has no
//! thread that could touch what was borrowed.
#![expect(
    unsafe_code,
    reason = "futures that borrow, on threads that tokio wants 'static futures for"
)]

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use sideloop_core::held::{Held, Hold};
use tokio::task::{AbortHandle, JoinHandle};

use crate::access::Access;
use crate::carry::{Carried, Carry, poll_with};
use crate::depth::{InTask, TaskDepth};
use crate::drive::AfterEnd;
use crate::error::{Refusal, refuse};
use crate::left::{Left, Outcome, Shared, lock, output};
use crate::{Inside, slot};

/// A scoped task's future, with all that it must let go of before its scope ends. Fields are dropped in this
/// order, `_held` last, also when one of the drops panics.
struct Scoped<F: Future> {
    future: Option<Pin<Box<F>>>,
    left: Arc<Left<F::Output>>,
    carried: Option<Carried>,
    depth: Arc<TaskDepth>,
    _held: Hold,
}

impl<F: Future> Future for Scoped<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { future, left, carried, depth, _held } = &mut *self;
        let Some(running) = future else { return Poll::Ready(()) };
        let _in_task = InTask::enter(depth);
        // Unwind safe: the future is dropped, and the panic goes on where it is joined.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            poll_with(carried, || running.as_mut().poll(context))
        }));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        // What the future borrows is let go of before whoever joins it goes on.
        let ended = match catch_unwind(AssertUnwindSafe(|| *future = None)) {
            Ok(()) => ended,
            Err(panic) => Err(panic),
        };
        left.leave(Outcome::Ended(ended));
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Scoped<F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            // Unwind safe: as in `poll`. Whoever joins it must hear of its end in any case.
            self.left.leave(match catch_unwind(AssertUnwindSafe(|| drop(future))) {
                Ok(()) => Outcome::Refused(Refusal::Cancelled),
                Err(panic) => Outcome::Ended(Err(panic)),
            });
        }
    }
}

/// Where tasks are spawned that may borrow from outside; see [`scope`](crate::scope).
pub struct Scope<'scope, 'env: 'scope> {
    shared: Arc<Shared>,
    access: Access,
    carry: Option<Carry>,
    // Neither lifetime may be shortened or extended.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Start a future on the runner's threads. Does not block.
    ///
    /// The scope waits for it, joined or not.
    pub fn spawn<F>(&'scope self, future: F) -> ScopedTask<'scope, F::Output>
    where
        F: Future<Output: Send> + Send + 'scope,
    {
        let left = Left::new(&self.shared);
        // A runtime that has ended drops it here.
        let task = self.access.inside(|| self.start(future, Arc::clone(&left)));
        self.shared.remember(task.clone());
        ScopedTask { left: Inside::new(left, self.access.clone()), task, access: &self.access }
    }

    fn start<F>(&'scope self, future: F, left: Arc<Left<F::Output>>) -> AbortHandle
    where
        F: Future<Output: Send> + Send + 'scope,
    {
        let scoped: Pin<Box<dyn Future<Output = ()> + Send + 'scope>> = Box::pin(Scoped {
            future: Some(Box::pin(future)),
            left,
            carried: self.carry.as_ref().map(Carry::take_along),
            depth: Arc::clone(&self.shared.depth),
            _held: Held::hold(&self.shared.held),
        });
        // SAFETY: the lifetime alone is changed.
        // - What is inside does not outlive 'scope: `run` returns only when its `Hold` has been dropped,
        //   which the box drops after everything else that it holds.
        // - tokio polls and drops the box, and nothing else.
        let hidden = unsafe {
            mem::transmute::<
                Pin<Box<dyn Future<Output = ()> + Send + 'scope>>,
                Pin<Box<dyn Future<Output = ()> + Send + 'static>>,
            >(scoped)
        };
        self.access.handle().spawn(hidden).abort_handle()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// A task of a [`Scope`]. Dropped, it runs on, and the scope waits for it.
pub struct ScopedTask<'scope, T> {
    // Its output, if nobody takes that.
    left: Inside<Arc<Left<T>>>,
    task: AbortHandle,
    access: &'scope Access,
}

impl<T> ScopedTask<'_, T> {
    /// Block the calling thread until the task has ended, and return its output.
    ///
    /// # Panics
    /// With the task's own panic and its payload; if it was cancelled; and as [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn join(self) -> T {
        let ended = poll_fn(|context| self.left.poll(context));
        output(self.access, self.access.drive(ended, None, AfterEnd::Polled))
    }

    /// Ask it to end: its future is dropped where it awaits. Does not block.
    pub fn cancel(&self) {
        self.task.abort();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> fmt::Debug for ScopedTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedTask").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// Run `body`, and wait for all that it has spawned.
#[track_caller]
pub(crate) fn run<'env, T>(
    access: &Access,
    carry: Option<&Carry>,
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
) -> T {
    let scope = Scope {
        shared: Arc::default(),
        access: access.clone(),
        carry: carry.cloned(),
        scope: PhantomData,
        env: PhantomData,
    };
    // Unwind safe: the panic goes on below.
    let returned = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    if returned.is_err() && !access.is_inherited() {
        scope.shared.cancel();
    }
    if let Err(forked) = scope.shared.wait(access) {
        // The parent's threads may have held the locks; nothing of it is touched.
        mem::forget(Arc::clone(&scope.shared));
        match returned {
            Err(panic) => resume_unwind(panic),
            Ok(_) => refuse(access.runner(), &forked),
        }
    }
    let unjoined = lock(&scope.shared.panic).take();
    match (returned, unjoined) {
        (Err(panic), _) | (Ok(_), Some(panic)) => resume_unwind(panic),
        (Ok(returned), None) => returned,
    }
}

/// What makes a future on another thread and runs it there. Fields are dropped in this order.
struct Job<M, T> {
    make: M,
    carried: Option<Carried>,
    left: Arc<Left<T>>,
    held: Hold,
}

impl<F: Future, M: FnOnce() -> F> Job<M, F::Output> {
    fn run(self, access: &Access) {
        // Dropped in the reverse order.
        let Self { held: _held, left, make, mut carried } = self;
        let _in_task = InTask::enter(&left.shared.depth);
        // Unwind safe: the panic goes on in the caller.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let (mut make, mut ended) = (Some(make), None);
            let mut drive = || {
                let terms = access.terms(None, AfterEnd::Refused);
                ended = make.take().map(|make| slot::drive_with(make, terms)).or(ended.take());
            };
            if let Some(carried) = &mut carried {
                carried(&mut drive);
            }
            // If that has not called it.
            drive();
            ended
        }));
        left.leave(match ended {
            Ok(Some(Ok(output))) => Outcome::Ended(Ok(output)),
            Ok(Some(Err(refusal))) => Outcome::Refused(refusal),
            Ok(None) => Outcome::Refused(Refusal::Cancelled),
            Err(panic) => Outcome::Ended(Err(panic)),
        });
    }
}

/// Make a future on a thread of the runner's pool, run it there, and wait.
#[track_caller]
pub(crate) fn apart<F: Future<Output: Send>>(
    access: &Access,
    carry: Option<&Carry>,
    make: impl FnOnce() -> F + Send,
) -> F::Output {
    let shared = Arc::<Shared>::default();
    let left = Left::new(&shared);
    let job = access.inside(|| Job {
        carried: carry.map(Carry::take_along),
        make,
        left: Arc::clone(&left),
        held: Held::hold(&shared.held),
    });
    let job: Box<dyn FnOnce(&Access) + Send + '_> = Box::new(move |access| job.run(access));
    // SAFETY: the lifetime alone is changed. This function returns only when its `Hold` has been dropped, which the
    // box drops after everything else that it holds, run or not.
    let hidden = unsafe { mem::transmute::<Box<dyn FnOnce(&Access) + Send + '_>, Hidden>(job) };
    let waiting = Arc::new(Mutex::new(Some(hidden)));
    // Begun in the wait, where this call counts among those that are nested.
    let mut begun = None;
    let ended = poll_fn(|context| {
        shared.depth.waited_for();
        if begun.is_none() {
            match begin(access, &waiting) {
                Ok(thread) => begun = Some(thread),
                Err(refusal) => return Poll::Ready(Outcome::Refused(refusal)),
            }
        }
        match (left.poll(context), &mut begun) {
            // Dropped with a runtime that ends, it leaves nothing.
            (Poll::Pending, Some(thread)) => match Pin::new(thread).poll(context) {
                Poll::Ready(Err(_)) => Poll::Ready(Outcome::Refused(Refusal::Cancelled)),
                Poll::Ready(Ok(())) => left.poll(context),
                Poll::Pending => Poll::Pending,
            },
            (left, _) => left,
        }
    });
    let ended = access.drive(ended, None, AfterEnd::Polled);
    if access.is_inherited() {
        // As in `run`.
        mem::forget(waiting);
        refuse(access.runner(), &Refusal::Forked);
    }
    // If it has not begun, nobody may begin it any more.
    let unbegun = lock(&waiting).take();
    access.inside(|| drop(unbegun));
    match shared.wait(access) {
        Ok(()) => output(access, ended),
        Err(forked) => refuse(access.runner(), &forked),
    }
}

type Hidden = Box<dyn FnOnce(&Access) + Send>;

/// Give the job to a thread of the pool. tokio panics where none can be had.
fn begin(access: &Access, waiting: &Arc<Mutex<Option<Hidden>>>) -> Result<JoinHandle<()>, Refusal> {
    let (waiting, inside) = (Arc::clone(waiting), access.clone());
    let takes = move || {
        let job = lock(&waiting).take();
        if let Some(job) = job {
            job(&inside);
        }
    };
    // Unwind safe: what it has queued takes a job that is there no more.
    catch_unwind(AssertUnwindSafe(|| access.handle().spawn_blocking(takes)))
        .map_err(|_| Refusal::NoThread)
}
