//! Iterating over streams.

mod support;

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use sideloop::{Runner, iter};
use support::{ends, root, runtime};
use tokio::time::{Interval, interval};

/// The items given, one at a tick, then the end; polled once more it panics.
struct Ticking<T> {
    items: VecDeque<T>,
    interval: Option<Interval>,
    ended: bool,
}

impl<T> Ticking<T> {
    fn over(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), interval: None, ended: false }
    }
}

impl<T: Unpin> Stream for Ticking<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        assert!(!self.ended, "polled after its end");
        // Made here: it needs a runtime entered.
        let interval = self.interval.get_or_insert_with(|| interval(Duration::from_millis(1)));
        std::task::ready!(interval.poll_tick(context));
        let item = self.items.pop_front();
        self.ended = item.is_none();
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}

#[test]
fn gives_every_item_and_the_end_for_good() {
    ends(|| {
        let mut items = iter(Ticking::over([1, 2, 3]));
        assert_eq!(items.size_hint(), (3, Some(3)));
        assert_eq!(items.by_ref().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((items.next(), items.next()), (None, None));
        assert_eq!(items.size_hint(), (0, Some(0)));
    });
}

#[test]
fn takes_streams_that_borrow_and_are_not_send() {
    ends(|| {
        let words = [String::from("a"), String::from("b")];
        let items = words.iter().map(Rc::new);
        let joined: String = iter(Ticking::over(items)).map(|word| word.as_str()).collect();
        assert_eq!(joined, "ab");
    });
}

#[test]
fn a_borrowed_stream_can_be_gone_on_with() {
    ends(|| {
        let mut stream = Ticking::over(0..5);
        assert_eq!(iter(&mut stream).take(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(iter(&mut stream).collect::<Vec<_>>(), [2, 3, 4]);
    });
}

#[test]
fn works_inside_runtimes_and_on_a_runner_of_ones_own() {
    for workers in [0, 1] {
        ends(move || {
            let runner = Runner::new("streams");
            let sum = root(&runtime(workers), async { runner.iter(Ticking::over(1..4)).sum() });
            assert_eq!((sum, runner.name()), (6, "streams"));
        });
    }
}
