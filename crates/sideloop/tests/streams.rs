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

mod read_ahead {
    use std::num::NonZero;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn items(count: usize) -> NonZero<usize> {
        NonZero::new(count).expect("not zero")
    }

    /// Gives what a function gives, and counts how often it was asked.
    struct Asked<F>(Arc<AtomicUsize>, F);

    impl<F: FnMut(usize) -> Option<usize> + Unpin> Stream for Asked<F> {
        type Item = usize;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<usize>> {
            let asked = self.0.fetch_add(1, Ordering::SeqCst);
            Poll::Ready((self.1)(asked))
        }
    }

    #[test]
    fn gives_every_item_in_order_and_the_end() {
        ends(|| {
            let mut ahead = iter(Ticking::over(0..20)).read_ahead(items(4));
            assert_eq!(ahead.by_ref().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
            assert_eq!((ahead.next(), ahead.next()), (None, None));
        });
    }

    #[test]
    fn runs_ahead_so_far_and_no_farther() {
        ends(|| {
            let asked = Arc::new(AtomicUsize::new(0));
            let mut ahead = iter(Asked(Arc::clone(&asked), Some)).read_ahead(items(3));
            while asked.load(Ordering::SeqCst) < 3 {
                std::thread::yield_now();
            }
            assert_eq!(ahead.next(), Some(0));
            while asked.load(Ordering::SeqCst) < 4 {
                std::thread::yield_now();
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "for what must not happen there is no event"
            )]
            std::thread::sleep(Duration::from_millis(10));
            assert_eq!(asked.load(Ordering::SeqCst), 4, "one was taken, three wait");
        });
    }

    #[test]
    fn a_panic_of_the_stream_comes_after_the_items_before_it() {
        ends(|| {
            let panics =
                |asked| if asked == 2 { resume_unwind(Box::new(22_u32)) } else { Some(asked) };
            let mut ahead = iter(Asked(Arc::default(), panics)).read_ahead(items(8));
            assert_eq!((ahead.next(), ahead.next()), (Some(0), Some(1)));
            let panic = catch_unwind(AssertUnwindSafe(|| ahead.next())).expect_err("it panicked");
            assert_eq!(panic.downcast_ref(), Some(&22_u32));
        });
    }

    #[test]
    fn the_nesting_limit_holds_through_streams_that_run_ahead() {
        struct Deeper(&'static Runner);

        impl Stream for Deeper {
            type Item = ();

            fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
                Poll::Ready(self.0.iter(Deeper(self.0)).read_ahead(items(1)).next())
            }
        }

        ends(|| {
            let runner = Box::leak(Box::new(Runner::builder("deep").nesting_limit(8).build()));
            let mut ahead = runner.iter(Deeper(runner)).read_ahead(items(1));
            let panic = catch_unwind(AssertUnwindSafe(|| ahead.next())).expect_err("endless");
            assert!(support::message(&*panic).contains("8 calls are already nested"));
        });
    }

    #[test]
    fn dropped_it_drops_the_stream() {
        ends(|| {
            let held = Arc::new(());
            let holds = Arc::clone(&held);
            let ahead =
                iter(Asked(Arc::default(), move |asked| Some(asked * Arc::strong_count(&holds))));
            let mut ahead = ahead.read_ahead(items(2));
            assert_eq!(ahead.next(), Some(0));
            drop(ahead);
            while Arc::strong_count(&held) > 1 {
                std::thread::yield_now();
            }
        });
    }
}

#[test]
fn an_iterator_whose_runner_has_ended_panics_and_says_so() {
    ends(|| {
        let runner = Runner::new("gone");
        let mut items = runner.iter(Ticking::over(0..5));
        assert_eq!(items.next(), Some(0));
        drop(runner);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| items.next()));
        let panic = panic.expect_err("its timers are gone");
        assert!(support::message(&*panic).contains("\"gone\": the runner has ended"));
    });
}
