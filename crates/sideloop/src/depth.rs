//! How deep calls are nested: on a thread, and through tasks that sync code waits for.
//!
//! ```text
//!   thread A   call ─ call ─ join ┐ waits for            3 calls
//!   task 1                        └ call ─ join ┐        2 calls
//!   task 2                                      └ call   1 call: 6 deep
//! ```
//!
//! Each of these calls holds a thread and a stretch of its stack. A task is told who waits for it when that
//! wait begins, not when it is spawned: one that spawns its successor and ends is not nested in it.
//!
//! Tasks may wait for each other in a circle, for as long as their limits let them. So who waits is held weakly, and
//! the way out is not followed round and round.

use std::cell::Cell;
use std::ptr;
use std::sync::{Arc, OnceLock, Weak};

thread_local! {
    /// Calls under way on this thread, in the task that it runs if it does. Without a destructor, so
    /// that a thread-local's destructor finds it.
    static CALLS: Cell<u32> = const { Cell::new(0) };

    /// Whether this thread runs a task: cheaper to ask than which. Without a destructor.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };

    /// The task that this thread runs.
    static TASK: Cell<Option<Arc<TaskDepth>>> = const { Cell::new(None) };
}

/// Look at the task that this thread runs.
fn look<T>(at: impl FnOnce(Option<&Arc<TaskDepth>>) -> T) -> Option<T> {
    if !IN_TASK.get() {
        return Some(at(None));
    }
    // No task is run any more when thread-locals are destroyed.
    let look = TASK.try_with(|current| {
        let task = current.take();
        let seen = at(task.as_ref());
        current.set(task);
        seen
    });
    look.ok()
}

/// Where in a chain of waits a task is.
#[derive(Default)]
pub(crate) struct TaskDepth(OnceLock<Wait>);

/// Who waits for a task: how many calls were under way there, and in which task.
struct Wait {
    calls: u32,
    task: Option<Weak<TaskDepth>>,
}

impl TaskDepth {
    /// Whoever calls this waits for the task. The first one counts, unless it is the task itself: tasks of one scope,
    /// which may join each other, are one here.
    pub(crate) fn waited_for(&self) {
        if self.0.get().is_none() {
            let task = look(|task| task.map(Arc::downgrade)).flatten();
            if !task.as_ref().is_some_and(|task| ptr::eq(task.as_ptr(), self)) {
                let _ = self.0.set(Wait { calls: CALLS.get(), task });
            }
        }
    }

    /// The calls under way that wait for this task, directly or through others.
    // Not inlined: most calls are in no task, and do not pay for it.
    #[inline(never)]
    fn calls(self: &Arc<Self>) -> u32 {
        let mut calls = 0_u32;
        let mut task = Arc::clone(self);
        // Brent's way to see a circle: one that was met is kept in mind for twice as many steps each time.
        let (mut met, mut steps, mut most) = (Arc::as_ptr(self), 0_u32, 1_u32);
        while let Some(wait) = task.0.get() {
            calls = calls.saturating_add(wait.calls);
            let Some(next) = wait.task.as_ref().and_then(Weak::upgrade) else { break };
            if ptr::eq(Arc::as_ptr(&next), met) {
                break;
            }
            steps += 1;
            if steps == most {
                (met, steps, most) = (Arc::as_ptr(&next), 0, most.saturating_mul(2));
            }
            task = next;
        }
        calls
    }
}

/// One call under way, or one poll of a task; dropped when it has ended.
#[must_use]
pub(crate) struct Nested {
    before: u32,
}

impl Nested {
    /// One call deeper, if that is within `limit`.
    pub(crate) fn enter(limit: u32) -> Option<Self> {
        let before = CALLS.get();
        let outside = look(|task| task.map_or(0, |task| task.calls())).unwrap_or(0);
        (before.saturating_add(outside) < limit).then(|| {
            CALLS.set(before + 1);
            Self { before }
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        CALLS.set(self.before);
    }
}

/// A task being polled; dropped when the poll returns.
#[must_use]
pub(crate) struct InTask {
    calls_before: u32,
    task_before: Option<Arc<TaskDepth>>,
}

impl InTask {
    pub(crate) fn enter(task: &Arc<TaskDepth>) -> Self {
        let task_before = TASK.replace(Some(Arc::clone(task)));
        IN_TASK.set(true);
        Self { calls_before: CALLS.replace(0), task_before }
    }
}

impl Drop for InTask {
    fn drop(&mut self) {
        CALLS.set(self.calls_before);
        IN_TASK.set(self.task_before.is_some());
        TASK.set(self.task_before.take());
    }
}
