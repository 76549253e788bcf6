//! What users hand over is made and dropped where a runtime is entered.

mod support;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use sideloop::{Runner, enter, iter, run_sync, run_sync_timeout, run_sync_with, spawn};
use support::{ends, root, runtime};
use tokio::runtime::Handle;
use tokio::time::sleep;

const SHORT: Duration = Duration::from_millis(2);

/// Counts its drops: with a runtime entered in the low half, without one in the high half.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicU32>);

impl Drops {
    const OUTSIDE: u32 = 1 << 16;

    fn held(&self) -> Held {
        Held(self.clone())
    }

    fn counted(&self) -> (u32, u32) {
        let counted = self.0.load(Ordering::SeqCst);
        (counted % Self::OUTSIDE, counted / Self::OUTSIDE)
    }
}

struct Held(Drops);

impl Drop for Held {
    fn drop(&mut self) {
        let inside = Handle::try_current().is_ok();
        self.0.0.fetch_add(if inside { 1 } else { Drops::OUTSIDE }, Ordering::SeqCst);
    }
}

/// Gives numbers up to a limit, and holds something.
struct Numbers(u32, #[expect(dead_code, reason = "to be dropped")] Held);

impl Stream for Numbers {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        self.0 += 1;
        Poll::Ready((self.0 < 5).then_some(self.0))
    }
}

#[test]
fn a_timer_is_made_inside_by_run_sync_with() {
    ends(|| run_sync_with(|| sleep(SHORT)));
    ends(|| Runner::new("own").run_sync_with(|| sleep(SHORT)));
}

#[test]
fn a_timer_made_by_run_sync_with_does_not_belong_to_the_runtime_that_is_blocked() {
    ends(|| root(&runtime(0), async { run_sync_with(|| sleep(SHORT)) }));
}

#[test]
fn a_panic_while_a_future_is_made_goes_on_in_the_caller() {
    let made =
        catch_unwind(|| run_sync_with(|| -> std::future::Ready<()> { panic!("made badly") }));
    assert!(made.is_err());
    assert_eq!(run_sync(async { 22 }), 22);
}

#[test]
fn run_sync_with_has_a_limit_too() {
    ends(|| {
        let late = sideloop::run_sync_with_timeout(std::future::pending::<()>, SHORT);
        assert_eq!(late.expect_err("it is never ready").place().file(), file!());
        let runner = Runner::new("limits");
        let late = runner.run_sync_with_timeout(std::future::pending::<()>, SHORT);
        assert_eq!(late.expect_err("it is never ready").runner(), "limits");
    });
}

#[test]
fn a_guard_serves_what_is_made_and_dropped_outside_of_calls() {
    ends(|| {
        let drops = Drops::default();
        let output = run_sync(async { drops.held() });
        {
            let _entered = enter();
            drop(output);
            run_sync(sleep(SHORT));
        }
        assert_eq!(drops.counted(), (1, 0));
        assert!(Handle::try_current().is_err(), "it is left with the guard");
    });
}

#[test]
fn a_future_is_dropped_inside_however_its_call_ends() {
    ends(|| {
        let drops = Drops::default();
        let holding = |then: fn()| {
            let held = drops.held();
            async move {
                let _held = held;
                tokio::task::yield_now().await;
                then();
            }
        };
        run_sync(holding(|| {}));
        assert!(
            run_sync_timeout(
                async {
                    holding(|| {}).await;
                    std::future::pending::<()>().await
                },
                SHORT
            )
            .is_err()
        );
        assert!(catch_unwind(AssertUnwindSafe(|| run_sync(holding(|| panic!("inside"))))).is_err());
        let shallow = Runner::builder("shallow").nesting_limit(0).build();
        let refused = catch_unwind(AssertUnwindSafe(|| shallow.run_sync(holding(|| {}))));
        assert!(refused.is_err());
        assert_eq!(drops.counted(), (4, 0));
    });
}

/// Each way to hand something over to a runner.
type Way = fn(&Runner, Held);

const TWO: NonZero<usize> = NonZero::new(2).expect("not zero");

const WAYS: &[(&str, Way)] = &[
    ("run_sync", |runner, held| runner.run_sync(holding(held))),
    ("run_sync, a large future", |runner, held| {
        runner.run_sync(async move {
            let large = [0_u8; 5000];
            holding(held).await;
            std::hint::black_box(&large);
        });
    }),
    ("run_sync_with", |runner, held| runner.run_sync_with(|| holding(held))),
    ("run_sync_timeout", |runner, held| drop(runner.run_sync_timeout(holding(held), LONG))),
    ("run_sync_with_timeout", |runner, held| {
        drop(runner.run_sync_with_timeout(|| holding(held), LONG));
    }),
    ("run_sync_apart", |runner, held| runner.run_sync_apart(|| holding(held))),
    ("spawn", |runner, held| runner.spawn(holding(held)).join()),
    ("scope", |runner, held| runner.scope(|scope| scope.spawn(holding(held)).join())),
    ("map, an input", |runner, held| {
        drop(runner.map([held], TWO, holding).collect::<Vec<_>>());
    }),
    ("map, the function", |runner, held| {
        let function = move |_| {
            let _held = &held;
            std::future::ready(())
        };
        drop(runner.map(0..1, TWO, function).collect::<Vec<_>>());
    }),
    ("iter", |runner, held| assert_eq!(runner.iter(Numbers(0, held)).next(), Some(1))),
    ("inside", |runner, held| drop(runner.inside(held))),
    ("blocking", |runner, held| drop(runner.blocking(held))),
];

async fn holding(held: Held) {
    let _held = held;
    tokio::task::yield_now().await;
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn whatever_a_closed_runner_refuses_is_dropped_inside() {
    ends(|| {
        for (name, way) in WAYS {
            let (runner, drops) = (Runner::new("closed"), Drops::default());
            runner.run_sync(support::work());
            runner.close(LONG).expect("nothing blocks its threads");
            let refused = catch_unwind(AssertUnwindSafe(|| way(&runner, drops.held())));
            let panic = refused.expect_err(name);
            assert!(support::message(&*panic).contains("has ended"), "{name}");
            assert_eq!(drops.counted(), (1, 0), "{name}");
        }
    });
}

#[test]
fn what_a_runner_cannot_start_any_more_is_dropped_inside() {
    fn each(begins: fn(&Runner, &Drops) -> Box<dyn FnMut()>) {
        let (runner, drops) = (Runner::new("ended"), Drops::default());
        let mut goes_on = begins(&runner, &drops);
        runner.close(LONG).expect("nothing blocks its threads");
        while catch_unwind(AssertUnwindSafe(&mut goes_on)).is_ok() {}
        drop(goes_on);
        let (inside, outside) = drops.counted();
        assert!(inside > 0 && outside == 0, "{outside} outside");
    }
    fn inputs(drops: &Drops) -> Box<dyn Iterator<Item = Held>> {
        let drops = drops.clone();
        Box::new((0..9).map(move |_| drops.held()))
    }
    ends(|| {
        each(|runner, drops| {
            let mut outputs = runner.map(inputs(drops), TWO, Ready);
            outputs.next();
            Box::new(move || assert!(outputs.next().is_some()))
        });
        each(|runner, drops| {
            let mut outputs = runner.map(inputs(drops), TWO, Ready).unordered();
            outputs.next();
            Box::new(move || assert!(outputs.next().is_some()))
        });
        each(|runner, drops| {
            let mut items = Some(runner.iter(Numbers(0, drops.held())));
            Box::new(move || assert!(items.take().expect("once").read_ahead(TWO).next().is_some()))
        });
        let (runner, drops) = (Runner::new("ended"), Drops::default());
        let (closed, held) = (&runner, drops.held());
        closed.scope(|scope| {
            closed.close(LONG).expect("nothing blocks its threads");
            scope.spawn(holding(held));
        });
        assert_eq!(drops.counted(), (1, 0));
    });
}

/// Ready at once.
struct Ready(#[expect(dead_code, reason = "to be dropped")] Held);

impl Future for Ready {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[test]
fn what_a_map_has_not_taken_is_dropped_inside_with_its_function() {
    ends(|| {
        for taken in 0..4 {
            let (drops, held) = (Drops::default(), Drops::default());
            let of = held.held();
            let inputs = [drops.held(), drops.held(), drops.held()];
            let function = move |input| {
                let _of = &of;
                holding(input)
            };
            let mut outputs = sideloop::map(inputs, TWO, function);
            assert_eq!(outputs.by_ref().take(taken).count(), taken.min(3));
            drop(outputs);
            while drops.counted() != (3, 0) {
                assert_eq!(drops.counted().1, 0, "after {taken} of three");
                std::thread::yield_now();
            }
            assert_eq!(held.counted(), (1, 0));
        }
    });
}

#[test]
fn what_a_hook_keeps_from_being_spawned_is_dropped_inside() {
    fn carries() -> fn(&mut dyn FnMut()) {
        panic!("nothing to take along")
    }
    ends(|| {
        let runner = Runner::builder("carries").carry(carries).build();
        let ways = WAYS.iter().filter(|(name, _)| {
            ["run_sync_apart", "spawn", "scope", "map, an input"].contains(name)
        });
        for (name, way) in ways {
            let drops = Drops::default();
            let refused = catch_unwind(AssertUnwindSafe(|| way(&runner, drops.held())));
            assert!(refused.is_err(), "{name}");
            assert_eq!(drops.counted(), (1, 0), "{name}");
        }
        assert_eq!(runner.run_sync(support::work()), 22);
    });
}

#[test]
fn a_large_future_is_dropped_inside_too() {
    ends(|| {
        let drops = Drops::default();
        let (held, large) = (drops.held(), [7_u8; 5000]);
        let sum = run_sync(async move {
            let _held = held;
            tokio::task::yield_now().await;
            large.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        });
        assert_eq!((sum, drops.counted()), (35_000, (1, 0)));
    });
}

#[test]
fn a_stream_is_dropped_inside_at_its_end_and_before() {
    ends(|| {
        let drops = Drops::default();
        assert_eq!(iter(Numbers(0, drops.held())).count(), 4);
        assert_eq!(iter(Numbers(0, drops.held())).next(), Some(1));
        drop(iter(Numbers(0, drops.held())));
        drop(Runner::new("own").iter(Numbers(0, drops.held())));
        assert_eq!(drops.counted(), (4, 0));
    });
}

#[test]
fn an_output_that_nobody_takes_is_dropped_inside() {
    ends(|| {
        let drops = Drops::default();
        for _ in 0..50 {
            let held = drops.held();
            let task = spawn(async move { held });
            while !task.is_finished() {
                std::thread::yield_now();
            }
            drop(task);
        }
        for _ in 0..50 {
            let held = drops.held();
            sideloop::scope(|scope| {
                let task = scope.spawn(async move { held });
                while !task.is_finished() {
                    std::thread::yield_now();
                }
            });
        }
        assert_eq!(drops.counted(), (100, 0));
    });
}

#[test]
fn what_blocking_io_holds_is_dropped_inside() {
    struct Holds(#[expect(dead_code, reason = "to be dropped")] Held);
    ends(|| {
        let drops = Drops::default();
        drop(sideloop::blocking(Holds(drops.held())));
        assert_eq!(drops.counted(), (1, 0));
    });
}

#[test]
fn a_panic_in_a_drop_goes_on_in_the_caller_and_harms_nobody() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(22_u32));
        }
    }
    struct Stream(Panics);
    impl futures_core::Stream for Stream {
        type Item = ();

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
            Poll::Ready(None)
        }
    }

    fn panics(call: impl FnOnce()) {
        let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("the drop panics");
        assert_eq!(panic.downcast_ref(), Some(&22_u32));
        assert_eq!(run_sync(support::work()), 22);
    }

    ends(|| {
        let waits = || async {
            let _panics = Panics;
            std::future::pending::<()>().await;
        };
        panics(|| run_sync(async { drop(Panics) }));
        panics(|| drop(run_sync_timeout(waits(), SHORT)));
        panics(|| assert!(iter(Stream(Panics)).next().is_none()));
        panics(|| drop(iter(Stream(Panics))));
        panics(|| drop(sideloop::inside(Panics)));
        // tokio keeps this one to itself.
        let task = spawn(async { Panics });
        while !task.is_finished() {
            std::thread::yield_now();
        }
        drop(task);
        assert_eq!(run_sync(support::work()), 22);
    });
}

#[test]
fn a_panic_of_a_waker_harms_only_whoever_wakes() {
    ends(|| {
        // The waker of a task that panics in its poll is rung by another one; a custom waker panics itself.
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: Arc<Self>) {
                std::panic::resume_unwind(Box::new(()));
            }
        }
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let mut receiver = std::pin::pin!(receiver);
        let waker = std::task::Waker::from(Arc::new(Panics));
        assert!(receiver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let wakes = catch_unwind(AssertUnwindSafe(|| run_sync(async { sender.send(()) })));
        assert!(wakes.is_err());
        assert_eq!(run_sync(support::work()), 22);
    });
}
