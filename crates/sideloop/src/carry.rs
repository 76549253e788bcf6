//! What a task takes along from where it is spawned.

use std::sync::Arc;
use std::task::Poll;

/// Called at each poll of a task, with what polls it.
pub(crate) type Carried = Box<dyn FnMut(&mut dyn FnMut()) + Send>;

/// Called where a task is spawned.
#[derive(Clone)]
pub(crate) struct Carry(Arc<dyn Fn() -> Carried + Send + Sync>);

impl Carry {
    pub(crate) fn new<C, W>(carry: C) -> Self
    where
        C: Fn() -> W + Send + Sync + 'static,
        W: FnMut(&mut dyn FnMut()) + Send + 'static,
    {
        Self(Arc::new(move || Box::new(carry())))
    }

    /// What the task that is spawned here takes along.
    pub(crate) fn take_along(&self) -> Carried {
        (self.0)()
    }
}

/// Poll, with what was taken along in force. One that does not call what it is given leaves the task
/// waiting, as if its poll had found nothing.
pub(crate) fn poll_with<T>(
    carried: &mut Option<Carried>,
    mut poll: impl FnMut() -> Poll<T>,
) -> Poll<T> {
    let Some(carried) = carried else { return poll() };
    let mut polled = Poll::Pending;
    carried(&mut || {
        if polled.is_pending() {
            polled = poll();
        }
    });
    polled
}
