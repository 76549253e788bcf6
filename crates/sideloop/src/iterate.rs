//! A blocking iterator over a stream.

use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::pin::Pin;

use futures_core::Stream;

use crate::access::Access;
use crate::error::refuse;

/// A blocking iterator over a stream; made by [`iter`](crate::iter) and [`Runner::iter`](crate::Runner::iter).
///
/// Each `next` blocks the calling thread, which polls the stream; between two of them the stream rests.
pub struct Iter<S> {
    // None once the stream has ended: a stream may not be polled again then.
    stream: Option<Pin<Box<S>>>,
    access: Access,
}

impl<S: Stream> Iter<S> {
    pub(crate) fn new(stream: S, access: Access) -> Self {
        Self { stream: Some(Box::pin(stream)), access }
    }
}

impl<S: Stream> Iterator for Iter<S> {
    type Item = S::Item;

    #[track_caller]
    fn next(&mut self) -> Option<S::Item> {
        let stream = self.stream.as_mut()?;
        let item = poll_fn(|context| stream.as_mut().poll_next(context));
        let item = match self.access.drive(item) {
            Ok(item) => item,
            Err(refusal) => refuse(self.access.runner(), &refusal),
        };
        if item.is_none() {
            self.stream = None;
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), |stream| stream.size_hint())
    }
}

impl<S: Stream> FusedIterator for Iter<S> {}

impl<S> fmt::Debug for Iter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("ended", &self.stream.is_none()).finish_non_exhaustive()
    }
}
