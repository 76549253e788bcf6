//! A blocking iterator over a stream.

use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::num::NonZero;
use std::pin::Pin;

use futures_core::Stream;

use crate::access::Access;
use crate::carry::Carry;
use crate::drive::AfterEnd;
use crate::error::{Refusal, refuse};
use crate::read_ahead::ReadAhead;

/// A blocking iterator over a stream; made by [`iter`](crate::iter) and [`Runner::iter`](crate::Runner::iter).
///
/// Each `next` blocks the calling thread, which polls the stream; between two of them the stream rests. The
/// stream is dropped with the runtime entered, at its end or with the iterator.
pub struct Iter<S> {
    // None once the stream has ended: a stream may not be polled again then.
    stream: Option<Pin<Box<S>>>,
    access: Access,
    carry: Option<Carry>,
}

impl<S: Stream> Iter<S> {
    pub(crate) fn new(stream: S, access: Access, carry: Option<Carry>) -> Self {
        Self { stream: Some(Box::pin(stream)), access, carry }
    }

    /// Let the stream run ahead on the runner's threads: at most `items` wait there to be taken.
    ///
    /// Starts with this call, which does not block. Dropped, the iterator cancels it. A panic of the stream
    /// goes on in the `next` that would have had the item.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// # struct Countdown(u32);
    /// # impl futures_core::Stream for Countdown {
    /// #     type Item = u32;
    /// #     fn poll_next(
    /// #         mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>,
    /// #     ) -> std::task::Poll<Option<u32>> {
    /// #         self.0 -= 1;
    /// #         std::task::Poll::Ready((self.0 > 0).then_some(self.0))
    /// #     }
    /// # }
    /// let stream = Countdown(4);
    /// let items = sideloop::iter(stream).read_ahead(NonZero::new(2).unwrap());
    /// assert_eq!(items.collect::<Vec<_>>(), [3, 2, 1]);
    /// ```
    ///
    /// # Panics
    /// In a fork's child, if the iterator is the parent's.
    #[track_caller]
    #[must_use = "it is cancelled when it is dropped"]
    pub fn read_ahead(mut self, items: NonZero<usize>) -> ReadAhead<S::Item>
    where
        S: Send + 'static,
        S::Item: Send + 'static,
    {
        if self.access.is_inherited() {
            refuse(self.access.runner(), &Refusal::Inherited);
        }
        ReadAhead::new(self.stream.take(), items, self.access.clone(), self.carry.as_ref())
    }
}

impl<S: Stream> Iterator for Iter<S> {
    type Item = S::Item;

    #[track_caller]
    fn next(&mut self) -> Option<S::Item> {
        let stream = self.stream.as_mut()?;
        let item = poll_fn(|context| stream.as_mut().poll_next(context));
        let item = match self.access.drive(item, None, AfterEnd::Refused) {
            Ok(item) => item,
            Err(refusal) => refuse(self.access.runner(), &refusal),
        };
        if item.is_none() {
            self.access.drop_inside(self.stream.take());
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), |stream| stream.size_hint())
    }
}

impl<S: Stream> FusedIterator for Iter<S> {}

impl<S> Drop for Iter<S> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.access.drop_inside(stream);
        }
    }
}

impl<S> fmt::Debug for Iter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("ended", &self.stream.is_none()).finish_non_exhaustive()
    }
}
