//! A runner's life: what it starts, and how it ends.

mod support;

use std::num::NonZero;
use std::sync::mpsc;
use std::time::Duration;

use sideloop::Runner;
use support::{echo, ends, root, runtime, work};

/// Far longer than any end takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A thread-safe latch: what waits on it blocks its thread until the sender is dropped.
fn latch() -> (mpsc::Sender<()>, mpsc::Receiver<()>) {
    mpsc::channel()
}

#[test]
fn its_threads_bear_its_name() {
    ends(|| {
        let runner = Runner::builder("named").workers(NonZero::new(2).expect("two")).build();
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(runner.spawn(async move { name() }).join().as_deref(), Some("named"));
        assert_eq!(runner.handle().metrics().num_workers(), 2);
    });
}

#[test]
fn shutdown_waits_for_its_threads() {
    ends(|| {
        let runner = Runner::new("ends");
        let (open, latch) = latch();
        let (sender, receiver) = mpsc::channel();
        runner.handle().spawn_blocking(move || {
            sender.send(()).expect("the test waits");
            let _ = latch.recv();
        });
        receiver.recv().expect("it has begun");
        let opens = std::thread::spawn(move || drop(open));
        runner.shutdown(LIMIT).expect("the thread ends when the latch opens");
        opens.join().expect("no panic");
    });
}

#[test]
fn shutdown_gives_up_after_its_limit_and_counts_what_is_left() {
    ends(|| {
        let runner = Runner::new("stuck");
        let (open, latch) = latch();
        let (sender, receiver) = mpsc::channel();
        runner.handle().spawn_blocking(move || {
            sender.send(()).expect("the test waits");
            let _ = latch.recv();
        });
        receiver.recv().expect("it has begun");
        let stuck = runner.shutdown(Duration::from_millis(50)).expect_err("the latch is shut");
        assert!(stuck.threads() >= 1 && stuck.to_string().contains("\"stuck\""), "{stuck}");
        drop(open);
    });
}

#[test]
fn shutdown_and_drop_are_safe_inside_runtimes() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                let task = tokio::spawn(async {
                    let (first, second) = (Runner::new("shut down"), Runner::new("dropped"));
                    assert_eq!(first.run_sync(work()) + second.run_sync(work()), 44);
                    first.shutdown(LIMIT).expect("nothing blocks its threads");
                    drop(second);
                });
                task.await.expect("no panic");
            });
        });
    }
}

#[test]
fn a_task_may_end_the_runner_it_runs_on() {
    ends(|| {
        let runner = Runner::new("ends itself");
        let handle = runner.handle();
        let (sender, receiver) = mpsc::channel();
        handle.spawn(async move {
            let ended = runner.shutdown(Duration::from_millis(20));
            let _ = sender.send(ended.map_err(|left| left.threads() > 0));
        });
        assert_eq!(receiver.recv(), Ok(Err(true)), "its own thread was still there");
    });
}

#[test]
fn one_that_never_started_ends_at_once() {
    assert!(Runner::new("unused").shutdown(Duration::ZERO).is_ok());
    drop(Runner::new("unused, too"));
}

#[test]
fn many_runners_leave_no_thread_behind() {
    ends(|| {
        for _ in 0..50 {
            let runner = Runner::new("one of many");
            assert_eq!(runner.run_sync(echo()), 1000);
            runner.shutdown(LIMIT).expect("nothing blocks its threads");
        }
    });
}

#[test]
fn first_calls_from_many_threads_at_once_share_one_start() {
    ends(|| {
        let runner = Runner::new("shared");
        std::thread::scope(|scope| {
            let calls: Vec<_> =
                (0..16).map(|_| scope.spawn(|| runner.run_sync(async { work().await }))).collect();
            for call in calls {
                assert_eq!(call.join().expect("no panic"), 22);
            }
        });
        assert_eq!(runner.handle().metrics().num_workers(), 2);
    });
}

#[test]
fn threads_by_the_dozen_get_their_own_answers() {
    ends(|| {
        std::thread::scope(|scope| {
            for thread in 0..64_u32 {
                scope.spawn(move || {
                    for call in 0..100 {
                        let answer = sideloop::run_sync(async {
                            tokio::task::yield_now().await;
                            (thread, call)
                        });
                        assert_eq!(answer, (thread, call));
                    }
                });
            }
        });
    });
}

#[test]
fn a_static_runner_can_be_closed_and_stays_so() {
    static RUNNER: Runner = Runner::const_new("static");
    ends(|| {
        assert_eq!(RUNNER.run_sync(work()), 22);
        let task = RUNNER.spawn(std::future::pending::<()>());
        RUNNER.close(LIMIT).expect("nothing blocks its threads");
        RUNNER.close(LIMIT).expect("it may be closed again");
        let refused = |call: fn()| {
            let panic = std::panic::catch_unwind(call).expect_err("it is closed");
            let said = support::message(&*panic);
            assert!(said.contains("\"static\"") && said.contains("was closed"), "{said}");
        };
        refused(|| RUNNER.run_sync(async {}));
        refused(|| RUNNER.run_sync_with(|| async {}));
        refused(|| drop(RUNNER.spawn(async {})));
        refused(|| drop(RUNNER.enter()));
        let ended = task.cancel_and_wait(LIMIT).expect("it was cancelled");
        assert_eq!(ended, None);
    });
}

#[test]
fn whoever_closes_it_second_waits_too() {
    static RUNNER: Runner = Runner::const_new("closed twice");
    ends(|| {
        let (open, latch) = latch();
        let (sender, begun) = mpsc::channel();
        RUNNER.handle().spawn_blocking(move || {
            sender.send(()).expect("the test waits");
            let _ = latch.recv();
        });
        begun.recv().expect("it has begun");
        let (sender, closed) = mpsc::channel();
        for _ in 0..2 {
            let sender = sender.clone();
            std::thread::spawn(move || sender.send(RUNNER.close(LIMIT)));
        }
        let early = closed.recv_timeout(Duration::from_millis(50));
        assert!(early.is_err(), "a thread is still there, and the limit not over: {early:?}");
        drop(open);
        assert_eq!((closed.recv(), closed.recv()), (Ok(Ok(())), Ok(Ok(()))));
    });
}

#[test]
fn a_call_under_way_ends_when_its_runner_is_closed() {
    static RUNNER: Runner = Runner::const_new("closed under a call");
    ends(|| {
        let (sender, begun) = mpsc::channel();
        let caller = std::thread::spawn(move || {
            let waits = async move {
                sender.send(()).expect("the test waits");
                tokio::time::sleep(Duration::from_secs(1000)).await;
            };
            let call = std::panic::AssertUnwindSafe(|| RUNNER.run_sync(waits));
            std::panic::catch_unwind(call).expect_err("its timer is gone")
        });
        begun.recv().expect("it has begun");
        RUNNER.close(LIMIT).expect("nothing blocks its threads");
        let panic = caller.join().expect("it was caught");
        let said = support::message(&*panic);
        // The second where the timer is made only when its runtime has ended.
        let ours = said.contains("the runner has ended");
        assert!(ours || said.contains("it is being shutdown"), "{said}");
    });
}

#[test]
fn one_that_is_closed_before_its_first_call_starts_nothing() {
    let runner = Runner::new("never");
    runner.close(Duration::ZERO).expect("there is nothing to end");
    let call = std::panic::AssertUnwindSafe(|| runner.run_sync(async {}));
    assert!(std::panic::catch_unwind(call).is_err());
}

#[test]
fn a_runner_of_a_handle_stays_in_that_runtime() {
    ends(|| {
        let theirs = runtime(1);
        let runner = Runner::from(theirs.handle().clone());
        assert_eq!(runner.handle().id(), theirs.handle().id());
        assert_eq!((runner.run_sync(work()), runner.spawn(work()).join()), (22, 22));
        assert_eq!(root(&theirs, async { runner.run_sync(work()) }), 22);
        runner.shutdown(LIMIT).expect("it has no threads of its own");
        assert_eq!(root(&theirs, work()), 22, "their runtime goes on");
    });
}

#[test]
fn a_call_on_a_handle_whose_runtime_has_ended_ends_and_says_so() {
    ends(|| {
        let theirs = runtime(1);
        let runner = Runner::from(theirs.handle().clone());
        drop(theirs);
        let sleep = || runner.run_sync_with(|| tokio::time::sleep(Duration::from_secs(1000)));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(sleep));
        let panic = panic.expect_err("its timers are gone");
        assert!(support::message(&*panic).contains("shut"), "{}", support::message(&*panic));
    });
}

#[test]
fn options_reach_the_threads() {
    ends(|| {
        let (started, stopped) = (mpsc::channel(), mpsc::channel());
        let (starts, stops) = (started.0, stopped.0);
        let runner = Runner::builder("options")
            .workers(NonZero::new(3).expect("three"))
            .most_threads(NonZero::new(1).expect("one"))
            .stack_size(NonZero::new(64 << 20).expect("64 megabytes"))
            .keep_alive(Duration::from_millis(1))
            .on_thread_start(move || {
                let _ = starts.send(());
            })
            .on_thread_stop(move || {
                let _ = stops.send(());
            })
            .build();
        assert_eq!(runner.handle().metrics().num_workers(), 3);
        (0..3).for_each(|_| started.1.recv().expect("a worker has started"));
        // Four megabytes would not fit the usual stack.
        let deep = runner.spawn(async { std::hint::black_box([7_u8; 4 << 20]).len() });
        assert_eq!(deep.join(), 4 << 20);
        runner.shutdown(LIMIT).expect("nothing blocks its threads");
        assert!(stopped.1.iter().count() >= 3);
    });
}

#[test]
fn as_many_threads_as_can_be_said_may_be_allowed() {
    ends(|| {
        let runner = Runner::builder("many").most_threads(NonZero::<usize>::MAX).build();
        assert_eq!(runner.run_sync(work()), 22);
    });
}

#[test]
fn a_panic_of_a_hook_takes_no_thread_along() {
    ends(|| {
        let panics = || {
            std::panic::resume_unwind(Box::new(()));
        };
        let builder = Runner::builder("hooks").on_thread_start(panics).on_thread_stop(panics);
        let runner = builder.build();
        assert_eq!((runner.run_sync(work()), runner.run_sync_apart(work)), (22, 22));
        runner.shutdown(LIMIT).expect("its threads are counted all the same");
    });
}

mod names {
    use super::*;

    #[test]
    fn that_threads_cannot_bear_are_refused() {
        for name in ["", "  ", "a\0b"] {
            let panic = std::panic::catch_unwind(|| Runner::new(name)).expect_err("refused");
            let said = support::message(&*panic);
            assert!(said.contains("sideloop: the name of a runner"), "{said}");
        }
    }

    #[test]
    fn of_any_script_and_length_work() {
        ends(|| {
            let long = "a name that is longer than a system keeps, with ä, 名 and a \n in it";
            assert_eq!(Runner::new(long).run_sync(work()), 22);
            assert_eq!(Runner::new(String::from("owned")).name(), "owned");
        });
    }
}

#[test]
fn late_calls_are_told_apart() {
    ends(|| {
        let runner = Runner::new("late");
        let late = |limit| {
            let pending = std::future::pending::<()>();
            runner.run_sync_timeout(pending, limit).expect_err("it is never ready")
        };
        let (one, two) = (late(Duration::from_millis(1)), late(Duration::from_millis(2)));
        assert_eq!((one.runner(), one.limit()), ("late", Duration::from_millis(1)));
        assert!(one == one.clone() && one != two);
        let error = std::io::Error::from(one);
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(error.get_ref().is_some_and(|inner| inner.is::<sideloop::TimedOut>()));
    });
}
