//! An async function over many inputs.

mod support;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sideloop::{Runner, map};
use support::{ends, root, runtime};
use tokio::sync::Notify;
use tokio::time::sleep;

fn at_once(count: usize) -> NonZero<usize> {
    NonZero::new(count).expect("not zero")
}

#[test]
fn gives_the_outputs_in_the_order_of_the_inputs() {
    ends(|| {
        let outputs = map((0..20_u64).rev(), at_once(8), |n| async move {
            sleep(Duration::from_millis(n % 5)).await;
            n
        });
        assert_eq!(outputs.collect::<Vec<_>>(), (0..20).rev().collect::<Vec<_>>());
    });
}

#[test]
fn unordered_it_keeps_nothing_waiting_for_a_slow_one() {
    ends(|| {
        let go = Arc::new(Notify::new());
        let mut outputs = map(0..4, at_once(4), |n| {
            let go = Arc::clone(&go);
            async move {
                if n == 0 {
                    go.notified().await;
                }
                n
            }
        })
        .unordered();
        let mut quick: Vec<_> = outputs.by_ref().take(3).collect();
        quick.sort_unstable();
        assert_eq!(quick, [1, 2, 3]);
        go.notify_one();
        assert_eq!((outputs.next(), outputs.next()), (Some(0), None));
    });
}

#[test]
fn no_more_run_at_once_and_no_more_inputs_are_taken_than_was_said() {
    ends(|| {
        for ordered in [true, false] {
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let taken = Arc::new(AtomicUsize::new(0));
            let counts = Arc::clone(&taken);
            let inputs = (0..30).inspect(move |_| {
                counts.fetch_add(1, Ordering::SeqCst);
            });
            let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
            let outputs = map(inputs, at_once(3), move |n| {
                let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
                async move {
                    peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(Duration::from_millis(1)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    n
                }
            });
            let mut outputs: Box<dyn Iterator<Item = i32>> =
                if ordered { Box::new(outputs) } else { Box::new(outputs.unordered()) };
            assert_eq!(taken.load(Ordering::SeqCst), 0, "nothing is taken before the first next");
            for given in 1..=30 {
                outputs.next().expect("thirty");
                assert!(taken.load(Ordering::SeqCst) <= given + 2);
            }
            assert!(outputs.next().is_none());
            assert!(most.load(Ordering::SeqCst) <= 3);
        }
    });
}

#[test]
fn dropped_it_cancels_what_runs() {
    struct Gone(std::sync::mpsc::Sender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    ends(|| {
        for ordered in [true, false] {
            let (sender, gone) = std::sync::mpsc::channel();
            let outputs = map(0..3, at_once(3), move |n| {
                let held = Gone(sender.clone());
                async move {
                    let _held = held;
                    if n > 0 {
                        std::future::pending::<()>().await;
                    }
                }
            });
            if ordered {
                let mut outputs = outputs;
                outputs.next();
                drop(outputs);
            } else {
                let mut outputs = outputs.unordered();
                outputs.next();
                drop(outputs);
            }
            assert_eq!(gone.iter().count(), 3);
        }
    });
}

#[test]
fn a_panic_goes_on_in_next_and_the_rest_is_there() {
    ends(|| {
        let sometimes = |n: u32| async move {
            if n == 1 {
                resume_unwind(Box::new(n));
            }
            n
        };
        let mut outputs = map(0..3, at_once(1), sometimes);
        assert_eq!(outputs.next(), Some(0));
        let panic = catch_unwind(AssertUnwindSafe(|| outputs.next())).expect_err("it panicked");
        assert_eq!(panic.downcast_ref(), Some(&1_u32));
        assert_eq!((outputs.next(), outputs.next()), (Some(2), None));
        let mut outputs = map(0..3, at_once(1), sometimes).unordered();
        assert_eq!(outputs.next(), Some(0));
        assert!(catch_unwind(AssertUnwindSafe(|| outputs.next())).is_err());
        assert_eq!((outputs.next(), outputs.next()), (Some(2), None));
    });
}

#[test]
fn futures_are_made_with_the_runtime_entered_inside_any_runtime() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                let runner = Runner::new("maps");
                let waits = |_| sleep(Duration::from_millis(1));
                assert_eq!(runner.map(0..5, at_once(2), waits).count(), 5);
                assert_eq!(runner.map(0..5, at_once(2), waits).unordered().count(), 5);
            });
        });
    }
}

#[test]
fn a_panic_of_the_inputs_or_of_the_function_goes_on_in_next_and_the_rest_is_there() {
    fn outputs(mut map: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut outputs = Vec::new();
        let mut panics = 0;
        loop {
            match catch_unwind(AssertUnwindSafe(|| map.next())) {
                Ok(Some(output)) => outputs.push(output),
                Ok(None) => break,
                Err(panic) => {
                    assert_eq!(panic.downcast_ref(), Some(&1_u32));
                    panics += 1;
                }
            }
        }
        assert_eq!(panics, 1);
        outputs.sort_unstable();
        outputs
    }
    fn panics(n: u32) {
        if n == 1 {
            resume_unwind(Box::new(n));
        }
    }
    ends(|| {
        let inputs = || {
            let inputs = (0..4).inspect(|n| panics(*n));
            map(inputs, at_once(2), |n| async move { n })
        };
        let function = || {
            map(0..4, at_once(2), |n| {
                panics(n);
                async move { n }
            })
        };
        assert_eq!(outputs(inputs()), [0, 2, 3]);
        assert_eq!(outputs(inputs().unordered()), [0, 2, 3]);
        assert_eq!(outputs(function()), [0, 2, 3]);
        assert_eq!(outputs(function().unordered()), [0, 2, 3]);
    });
}

#[test]
fn the_nesting_limit_holds_through_maps_in_order_or_not() {
    fn deeper(runner: &'static Runner, ordered: bool) {
        let mut outputs = runner.map([()], at_once(1), move |()| async move {
            deeper(runner, ordered);
        });
        if ordered {
            outputs.next();
        } else {
            outputs.unordered().next();
        }
    }
    ends(|| {
        for ordered in [true, false] {
            let runner = Box::leak(Box::new(Runner::builder("deep").nesting_limit(8).build()));
            let nested = catch_unwind(AssertUnwindSafe(|| deeper(runner, ordered)));
            let panic = nested.expect_err("endless");
            assert!(support::message(&*panic).contains("8 calls are already nested"));
        }
    });
}

#[test]
fn the_hint_counts_what_is_left() {
    ends(|| {
        let mut outputs = map(0..5, at_once(2), |n| async move { n });
        assert_eq!(outputs.size_hint(), (5, Some(5)));
        outputs.next();
        assert_eq!(outputs.size_hint(), (4, Some(4)));
    });
}
