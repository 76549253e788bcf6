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
        assert_eq!(runner.handle().metrics().num_workers(), 1);
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
