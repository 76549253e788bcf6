//! One call: what it may be given, what it gives back.

mod support;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use sideloop::{Runner, run_sync, run_sync_timeout, run_sync_with, run_sync_with_timeout};
use support::{echo, ends, message, runtime, work};

#[test]
fn gives_the_output() {
    assert_eq!(run_sync(async { 10 + 12 }), 22);
}

#[test]
fn waits_for_timers_tasks_and_turns() {
    assert_eq!(ends(|| run_sync(work())), 22);
}

#[test]
fn waits_for_tcp() {
    assert_eq!(ends(|| run_sync(echo())), 1000);
}

#[test]
fn takes_futures_that_borrow_and_are_not_send() {
    ends(|| {
        let mut words = vec!["borrowed"];
        let shared = Rc::new(Cell::new(0));
        let also = Rc::clone(&shared);
        let count = run_sync(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            words.push("mutably");
            also.set(words.len());
            words.len()
        });
        assert_eq!((count, shared.get(), words.len()), (2, 2, 2));
    });
}

#[test]
fn polls_on_the_calling_thread_and_spawns_on_another() {
    ends(|| {
        let here = std::thread::current().id();
        let (polled, spawned) = run_sync(async {
            tokio::task::yield_now().await;
            let spawned = tokio::spawn(async { std::thread::current().id() });
            (std::thread::current().id(), spawned.await.expect("no panic"))
        });
        assert_eq!(polled, here);
        assert_ne!(spawned, here);
    });
}

#[test]
fn a_panic_goes_on_in_the_caller_with_its_payload() {
    let panic = catch_unwind(|| run_sync(async { resume_unwind(Box::new(22_u32)) }));
    assert_eq!(panic.expect_err("it panicked").downcast_ref(), Some(&22_u32));
    assert_eq!(run_sync(async { 1 }), 1, "the runner is as good as before");
}

#[test]
fn a_future_is_dropped_with_its_runtime_entered() {
    struct SpawnsWhenDropped<'a>(&'a Cell<bool>);

    impl Drop for SpawnsWhenDropped<'_> {
        fn drop(&mut self) {
            self.0.set(tokio::runtime::Handle::try_current().is_ok());
        }
    }

    let entered = Cell::new(false);
    let guard = SpawnsWhenDropped(&entered);
    let never = async {
        let _guard = guard;
        std::future::pending::<()>().await;
    };
    assert!(run_sync_timeout(never, Duration::from_millis(1)).is_err());
    assert!(entered.get());
}

#[test]
fn a_wake_before_the_poll_returns_is_not_lost() {
    ends(|| {
        let mut left = 1000;
        run_sync(std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            left -= 1;
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

#[test]
fn a_waker_kept_from_an_earlier_call_does_no_harm() {
    ends(|| {
        let kept = RefCell::new(None);
        run_sync(std::future::poll_fn(|context| {
            *kept.borrow_mut() = Some(context.waker().clone());
            Poll::Ready(())
        }));
        if let Some(waker) = kept.take() {
            waker.wake();
        }
        assert_eq!(run_sync(work()), 22);
    });
}

#[test]
fn more_operations_than_a_tasks_budget() {
    ends(|| {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..1000).for_each(|number| sender.send(number).expect("it is open"));
        run_sync(async {
            for number in 0..1000 {
                assert_eq!(receiver.recv().await, Some(number));
            }
        });
    });
}

mod with_a_limit {
    use super::*;

    #[test]
    fn gives_what_is_ready_in_time() {
        assert_eq!(run_sync_timeout(async { 22 }, Duration::ZERO).ok(), Some(22));
    }

    #[test]
    fn drops_what_is_late_and_names_the_place() {
        let late = run_sync_timeout(std::future::pending::<()>(), Duration::from_millis(3));
        let late = late.expect_err("it is never ready");
        assert_eq!((late.place().file(), late.limit()), (file!(), Duration::from_millis(3)));
        assert!(late.to_string().contains(file!()), "{late}");
    }

    #[test]
    fn holds_for_a_future_that_wakes_itself_for_ever() {
        ends(|| {
            let busy = std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            });
            assert!(run_sync_timeout(busy, Duration::from_millis(5)).is_err());
        });
    }

    #[test]
    fn holds_when_the_call_blocks_the_loop_that_it_waits_for() {
        ends(|| {
            support::root(&runtime(0), async {
                let task = tokio::spawn(async { 22 });
                let mut task = pin!(task);
                let limit = Duration::from_millis(5);
                assert!(run_sync_timeout(task.as_mut(), limit).is_err());
                assert_eq!(task.await.expect("it runs once the loop is free"), 22);
            });
        });
    }

    #[test]
    fn may_be_for_ever() {
        assert_eq!(ends(|| run_sync_timeout(work(), Duration::MAX)).ok(), Some(22));
    }

    #[test]
    fn does_not_end_early() {
        let start = Instant::now();
        let limit = Duration::from_millis(20);
        assert!(run_sync_timeout(std::future::pending::<()>(), limit).is_err());
        assert!(start.elapsed() >= limit);
    }
}

mod nested {
    use super::*;

    fn levels(runner: &Runner, left: u32) -> u32 {
        runner.run_sync(async {
            tokio::task::yield_now().await;
            if left == 0 { 0 } else { 1 + levels(runner, left - 1) }
        })
    }

    #[test]
    fn a_hundred_deep() {
        // The test thread has a stack of 2 MiB.
        assert_eq!(ends(|| levels(&Runner::new("deep"), 99)), 99);
    }

    #[test]
    fn as_deep_as_the_limit_with_futures_of_4_kb() {
        static RUNNER: Runner = Runner::const_new("deep");
        const LIMIT: Duration = Duration::from_secs(20);

        /// Calls as it is told, on so many levels.
        macro_rules! levels {
            ($make:ident => $call:expr) => {{
                fn levels(left: u32) -> u32 {
                    let $make = || async move {
                        let held = [0_u8; 4096];
                        tokio::task::yield_now().await;
                        std::hint::black_box(&held);
                        1 + levels(left - 1)
                    };
                    if left == 0 { 0 } else { $call }
                }
                // The test thread has a stack of 2 MiB, with optimisation and without.
                assert_eq!(ends(|| levels(128)), 128, stringify!($call));
            }};
        }

        levels!(make => run_sync(make()));
        levels!(make => run_sync_with(make));
        levels!(make => run_sync_timeout(make(), LIMIT).expect("in time"));
        levels!(make => run_sync_with_timeout(make, LIMIT).expect("in time"));
        levels!(make => RUNNER.run_sync(make()));
        levels!(make => RUNNER.run_sync_with(make));
        levels!(make => RUNNER.run_sync_timeout(make(), LIMIT).expect("in time"));
        levels!(make => RUNNER.run_sync_with_timeout(make, LIMIT).expect("in time"));
    }

    /// Bytes of stack that a call takes with a future of so many.
    fn stack_of<const SIZE: usize>() -> usize {
        #[inline(never)]
        fn place() -> usize {
            let here = 0_u8;
            std::hint::black_box(&raw const here).addr()
        }

        #[inline(never)]
        fn levels<const SIZE: usize>(left: u32, places: &mut Vec<usize>) {
            places.push(place());
            if left > 0 {
                run_sync(async move {
                    let held = [0_u8; SIZE];
                    tokio::task::yield_now().await;
                    std::hint::black_box(&held);
                    levels::<SIZE>(left - 1, places);
                });
            }
        }

        let mut places = Vec::new();
        levels::<SIZE>(8, &mut places);
        (places[2] - places[8]) / 6
    }

    #[test]
    fn a_call_takes_its_futures_size_of_stack_once() {
        let (small, large) = ends(|| (stack_of::<16>(), stack_of::<{ 16 << 10 }>()));
        // Without optimisation each frame that it is moved through holds it: the caller's, and two of ours.
        let times = if cfg!(debug_assertions) { 3.2 } else { 1.2 };
        let most = times * f64::from(16_u32 << 10) + 2048.0;
        let (small, large) = (small as f64, large as f64);
        println!("a call takes {small} bytes, with a future of 16 KB {large}");
        let own = if cfg!(debug_assertions) { small } else { 0.0 };
        assert!(large <= most + own, "{large} bytes, with a small future {small}");
    }

    #[test]
    fn beyond_the_limit_it_panics_and_says_so() {
        ends(|| {
            let runner = Runner::builder("shallow").nesting_limit(3).build();
            assert_eq!(levels(&runner, 2), 2);
            let panic = catch_unwind(AssertUnwindSafe(|| levels(&runner, 3)));
            let panic = panic.expect_err("one level too many");
            assert!(message(&*panic).contains("\"shallow\": 3 calls are already nested"));
            assert_eq!(levels(&runner, 2), 2, "the panic left no level behind");
        });
    }

    #[test]
    fn the_limit_holds_through_tasks() {
        fn chain(runner: &'static Runner) -> u32 {
            runner.spawn(async move { 1 + chain(runner) }).join()
        }
        ends(|| {
            let runner = Box::leak(Box::new(Runner::builder("chain").nesting_limit(8).build()));
            let panic = catch_unwind(AssertUnwindSafe(|| chain(runner))).expect_err("endless");
            assert!(message(&*panic).contains("8 calls are already nested"));
        });
    }
}
