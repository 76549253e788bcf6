//! A stream that runs ahead of its iterator, on the runner's threads.

use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::num::NonZero;
use std::pin::Pin;

use futures_core::Stream;
use tokio::sync::mpsc::{Receiver, channel};

use crate::access::Access;
use crate::carry::Carry;
use crate::drive::AfterEnd;
use crate::error::refuse;
use crate::{Inside, Task};

/// A blocking iterator over a stream that runs ahead; made by [`Iter::read_ahead`](crate::Iter::read_ahead).
///
/// `next` blocks the calling thread while no item is there. Dropped, it cancels the stream.
pub struct ReadAhead<T> {
    items: Inside<Receiver<T>>,
    // None once its end has been seen.
    stream: Option<Task<()>>,
    access: Access,
}

impl<T: Send + 'static> ReadAhead<T> {
    pub(crate) fn new<S>(
        stream: Option<Pin<Box<S>>>,
        ahead: NonZero<usize>,
        access: Access,
        carry: Option<&Carry>,
    ) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        let (sender, items) = channel(ahead.get());
        let stream = stream.map(|mut stream| {
            let runs = async move {
                // Room first: the stream is not asked for an item that has no place.
                while let Ok(place) = sender.reserve().await {
                    let next = poll_fn(|context| stream.as_mut().poll_next(context));
                    let Some(item) = next.await else { break };
                    place.send(item);
                }
            };
            Task::spawn(runs, access.clone(), carry)
        });
        Self { items: Inside::new(items, access.clone()), stream, access }
    }
}

impl<T> Iterator for ReadAhead<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        // What came before the end is there, also when the runner is no more.
        let Self { items, stream, access } = self;
        let next = poll_fn(|context| {
            stream.iter().for_each(Task::waited_for);
            items.poll_recv(context)
        });
        match access.drive(next, None, AfterEnd::Polled) {
            Ok(Some(item)) => Some(item),
            Ok(None) => {
                if let Some(stream) = stream.take() {
                    stream.join();
                }
                None
            }
            Err(refusal) => refuse(access.runner(), &refusal),
        }
    }
}

impl<T> FusedIterator for ReadAhead<T> {}

impl<T> fmt::Debug for ReadAhead<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead").field("ended", &self.stream.is_none()).finish_non_exhaustive()
    }
}
