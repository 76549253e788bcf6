//! An async function over many inputs, so many at once, as an iterator.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use crate::access::Access;
use crate::carry::{Carry, poll_with};
use crate::depth::{InTask, TaskDepth};
use crate::drive::AfterEnd;
use crate::error::{Refusal, refuse};
use crate::{Inside, Task};

/// Iterates over the outputs of an async function, in the order of its inputs; made by [`map`](crate::map) and
/// [`Runner::map`](crate::Runner::map).
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Map<I, A, F: Future> {
    source: Inside<Source<I, A>>,
    at_once: NonZero<usize>,
    running: VecDeque<Task<F::Output>>,
    access: Access,
    carry: Option<Carry>,
}

/// Where the futures come from: what the user has given, of which something may need the runtime when it is dropped.
struct Source<I, A> {
    // None once they have ended: not every iterator may be asked again.
    inputs: Option<I>,
    async_fn: A,
}

impl<I, A, F> Map<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    pub(crate) fn new(
        inputs: I,
        at_once: NonZero<usize>,
        async_fn: A,
        access: Access,
        carry: Option<Carry>,
    ) -> Self {
        let source = Inside::new(Source { inputs: Some(inputs), async_fn }, access.clone());
        Self { source, at_once, running: VecDeque::new(), access, carry }
    }

    /// Give each output when it is there, whatever the order of the inputs: a slow one keeps none waiting.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// let outputs = sideloop::map(1..=3, NonZero::new(8).unwrap(), |n| async move { n * n });
    /// assert_eq!(outputs.unordered().sum::<i32>(), 14);
    /// ```
    pub fn unordered(self) -> Unordered<I, A, F> {
        Unordered { map: self, running: JoinSet::new(), depth: Arc::default() }
    }

    /// The future of the next input, made inside.
    #[track_caller]
    fn next_future(&mut self) -> Option<F> {
        if self.access.is_inherited() {
            refuse(self.access.runner(), &Refusal::Inherited);
        }
        let Source { inputs, async_fn } = &mut *self.source;
        let Some(input) = inputs.as_mut()?.next() else {
            self.access.inside(|| *inputs = None);
            return None;
        };
        Some(self.access.inside(|| async_fn(input)))
    }
}

impl<I, A, F> Iterator for Map<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    type Item = F::Output;

    #[track_caller]
    fn next(&mut self) -> Option<F::Output> {
        while self.running.len() < self.at_once.get() {
            let Some(future) = self.next_future() else { break };
            self.running.push_back(Task::spawn(future, self.access.clone(), self.carry.as_ref()));
        }
        self.running.pop_front().map(Task::join)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(self.source.inputs.as_ref(), self.running.len())
    }
}

impl<I, A, F> FusedIterator for Map<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
}

impl<I, A, F: Future> fmt::Debug for Map<I, A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

/// Iterates over the outputs of an async function as they come; made by [`Map::unordered`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Unordered<I, A, F: Future> {
    // Its own queue stays empty.
    map: Map<I, A, F>,
    running: JoinSet<F::Output>,
    // Of all of them: whoever asks for the next output waits for each.
    depth: Arc<TaskDepth>,
}

impl<I, A, F> Unordered<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    fn start(&mut self, future: F) {
        let (access, inside) = (&self.map.access, Arc::clone(&self.depth));
        // A runtime that has ended drops it here.
        access.inside(|| {
            let mut carried = self.map.carry.as_ref().map(Carry::take_along);
            let mut future = Box::pin(future);
            let runs = poll_fn(move |context| {
                let _in_task = InTask::enter(&inside);
                poll_with(&mut carried, || future.as_mut().poll(context))
            });
            self.running.spawn_on(runs, access.handle());
        });
    }
}

impl<I, A, F> Iterator for Unordered<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    type Item = F::Output;

    #[track_caller]
    fn next(&mut self) -> Option<F::Output> {
        while self.running.len() < self.map.at_once.get() {
            let Some(future) = self.map.next_future() else { break };
            self.start(future);
        }
        let Self { map: Map { access, .. }, running, depth } = self;
        let next = poll_fn(|context| {
            depth.waited_for();
            running.poll_join_next(context)
        });
        match access.drive(next, None, AfterEnd::Polled) {
            Ok(Some(Ok(output))) => Some(output),
            Ok(Some(Err(error))) => match JoinError::try_into_panic(error) {
                Ok(panic) => resume_unwind(panic),
                Err(_cancelled) => refuse(access.runner(), &Refusal::Cancelled),
            },
            Ok(None) => None,
            Err(refusal) => refuse(access.runner(), &refusal),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(self.map.source.inputs.as_ref(), self.running.len())
    }
}

impl<I, A, F> FusedIterator for Unordered<I, A, F>
where
    I: Iterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
}

impl<I, A, F: Future> Drop for Unordered<I, A, F> {
    fn drop(&mut self) {
        // Outputs that nobody took are dropped here.
        let running = std::mem::take(&mut self.running);
        self.map.access.drop_inside(running);
    }
}

impl<I, A, F: Future> fmt::Debug for Unordered<I, A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unordered").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

fn hint<I: Iterator>(inputs: Option<&I>, running: usize) -> (usize, Option<usize>) {
    let (least, most) = inputs.map_or((0, Some(0)), Iterator::size_hint);
    (least.saturating_add(running), most.and_then(|most| most.checked_add(running)))
}
