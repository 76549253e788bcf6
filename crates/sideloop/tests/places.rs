//! Where a call is made: on which thread, inside which runtime.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use sideloop::{BlockInPlace, Runner, run_sync};
use support::{echo, ends, root, runtime, work};
use tokio::task::LocalSet;

/// Everything a call may wait for, from sync code.
fn calls() {
    assert_eq!(run_sync(async { 22 }), 22);
    assert_eq!(run_sync(work()), 22);
    assert_eq!(run_sync(echo()), 1000);
    // A nested call, and one after it.
    assert_eq!(run_sync(async { run_sync(work()) }), 22);
    run_sync(async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    });
    // More than a task's budget of operations.
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    (0..1000).for_each(|number| sender.send(number).expect("it is open"));
    run_sync(async {
        for _ in 0..1000 {
            receiver.recv().await;
        }
    });
}

#[test]
fn on_a_plain_thread() {
    ends(calls);
}

#[test]
fn at_the_root_of_a_current_thread_runtime() {
    ends(|| root(&runtime(0), async { calls() }));
}

#[test]
fn in_a_task_of_a_current_thread_runtime() {
    ends(|| root(&runtime(0), async { tokio::spawn(async { calls() }).await.expect("no panic") }));
}

#[test]
fn at_the_root_of_a_multi_thread_runtime() {
    ends(|| root(&runtime(1), async { calls() }));
}

#[test]
fn in_a_task_of_a_multi_thread_runtime() {
    for workers in [1, 3] {
        ends(move || {
            root(&runtime(workers), async {
                let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(async { calls() })).collect();
                for task in tasks {
                    task.await.expect("no panic");
                }
            });
        });
    }
}

#[test]
fn on_a_blocking_thread() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                tokio::task::spawn_blocking(calls).await.expect("no panic");
            });
        });
    }
}

#[test]
fn in_a_local_set_at_the_root() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                LocalSet::new()
                    .run_until(async {
                        calls();
                        tokio::task::spawn_local(async { calls() }).await.expect("no panic");
                    })
                    .await;
            });
        });
    }
}

#[test]
fn in_a_local_set_that_a_worker_blocks_on() {
    ends(|| {
        let local = async {
            calls();
            tokio::task::spawn_local(async { calls() }).await.expect("no panic");
        };
        root(&runtime(1), async {
            let task = tokio::spawn(async {
                tokio::task::block_in_place(|| {
                    let local_set = LocalSet::new();
                    run_sync(local_set.run_until(local));
                });
            });
            task.await.expect("no panic");
        });
    });
}

#[test]
fn in_a_local_set_on_a_blocking_thread() {
    ends(|| {
        let runtime = runtime(1);
        let handle = runtime.handle().clone();
        root(&runtime, async {
            let task = tokio::task::spawn_blocking(move || {
                let local_set = LocalSet::new();
                #[expect(clippy::disallowed_methods, reason = "the situation that is tested")]
                handle.block_on(local_set.run_until(async {
                    calls();
                    tokio::task::spawn_local(async { calls() }).await.expect("no panic");
                }));
            });
            task.await.expect("no panic");
        });
    });
}

#[test]
fn in_a_task_of_the_runner_itself() {
    ends(|| {
        let tasks: Vec<_> = (0..16).map(|_| sideloop::spawn(async { calls() })).collect();
        tasks.into_iter().for_each(sideloop::Task::join);
    });
}

#[test]
fn in_a_runtime_inside_a_call() {
    ends(|| {
        run_sync(async {
            let inner = std::thread::spawn(|| root(&runtime(0), async { calls() }));
            inner.join().expect("no panic");
        });
        run_sync(async {
            tokio::task::yield_now().await;
            root(&runtime(0), async { calls() });
            root(&runtime(1), async { calls() });
        });
        calls();
    });
}

#[test]
fn with_another_runtimes_handle_entered_in_a_task() {
    let other = runtime(1);
    for workers in [0, 1, 2] {
        let entered = other.handle().clone();
        ends(move || {
            root(&runtime(workers), async {
                let task = tokio::spawn(async move {
                    let _entered = entered.enter();
                    calls();
                });
                task.await.expect("no panic");
            });
        });
    }
}

#[test]
fn a_local_set_inside_a_call() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                let local_set = LocalSet::new();
                let answer = run_sync(local_set.run_until(async {
                    let rc = std::rc::Rc::new(22);
                    tokio::task::spawn_local(async move {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        *rc
                    })
                    .await
                    .expect("no panic")
                }));
                assert_eq!(answer, 22);
            });
        });
    }
}

/// The child is in the worker's LIFO slot, from where no other worker steals it.
#[test]
fn a_task_on_a_worker_may_wait_for_a_child_of_its_own() {
    for workers in [1, 2] {
        ends(move || {
            root(&runtime(workers), async {
                let task = tokio::spawn(async {
                    let child = tokio::spawn(async { 22 });
                    run_sync(child).expect("no panic")
                });
                assert_eq!(task.await.expect("no panic"), 22);
            });
        });
    }
}

#[test]
fn a_blocked_worker_hands_its_tasks_over() {
    ends(|| {
        root(&runtime(1), async {
            let (sender, receiver) = mpsc::channel();
            let waits = tokio::spawn(async move {
                run_sync(tokio::time::sleep(Duration::from_millis(20)));
                receiver.try_recv().expect("the other task ran meanwhile");
            });
            let runs = tokio::spawn(async move { sender.send(()) });
            waits.await.expect("no panic");
            runs.await.expect("no panic").expect("received");
        });
    });
}

#[test]
fn a_runner_may_leave_workers_as_they_are() {
    ends(|| {
        let runner = Runner::builder("ticks").block_in_place(BlockInPlace::Never).build();
        root(&runtime(1), async move {
            let task = tokio::spawn(async move {
                let before = std::thread::current().id();
                assert_eq!(runner.run_sync(work()), 22);
                // Had the worker handed over, the runtime's only one would be another thread now, or
                // this one again only by chance.
                tokio::task::yield_now().await;
                assert_eq!(std::thread::current().id(), before);
            });
            task.await.expect("no panic");
        });
    });
}

#[test]
fn in_a_drop_also_while_a_panic_unwinds() {
    struct Closes;

    impl Drop for Closes {
        fn drop(&mut self) {
            calls();
        }
    }

    ends(|| {
        drop(Closes);
        let panic = std::panic::catch_unwind(|| {
            let _closes = Closes;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panic.is_err());
        root(&runtime(1), async { tokio::spawn(async { drop(Closes) }).await.expect("no panic") });
    });
}

#[test]
fn spawned_tasks_go_on_between_calls() {
    ends(|| {
        let (sender, receiver) = mpsc::channel();
        run_sync(async move {
            tokio::spawn(async move {
                for number in 0..5 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let _ = sender.send(number);
                }
            });
        });
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    });
}

/// In a task on worker 0 of a runtime with one worker, with `entered` entered: a call that waits for a task which
/// that worker has queued.
fn waits_for_its_own_child(entered: tokio::runtime::Handle) -> bool {
    root(&runtime(1), async {
        let task = tokio::spawn(async move {
            let child = tokio::spawn(async { 22 });
            let _entered = entered.enter();
            sideloop::run_sync_timeout(child, Duration::from_secs(10)).is_ok()
        });
        task.await.expect("no panic")
    })
}

mod with_a_current_thread_runtimes_handle_entered_on_a_worker {
    use super::*;

    #[test]
    fn that_nobody_runs() {
        ends(|| {
            let other = runtime(0);
            assert!(waits_for_its_own_child(other.handle().clone()));
        });
    }

    #[test]
    fn that_nobody_runs_and_that_has_tasks() {
        ends(|| {
            let other = runtime(0);
            let _task = other.spawn(std::future::pending::<()>());
            root(&other, async { tokio::task::yield_now().await });
            assert!(waits_for_its_own_child(other.handle().clone()));
        });
    }

    #[test]
    fn that_another_thread_runs_and_that_sleeps() {
        ends(|| {
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let (sender, receiver) = mpsc::channel();
            let runs = std::thread::spawn(move || {
                let other = runtime(0);
                sender.send(other.handle().clone()).expect("the test waits");
                root(&other, async { drop(ended.await) });
            });
            assert!(waits_for_its_own_child(receiver.recv().expect("a handle")));
            drop(end);
            runs.join().expect("no panic");
        });
    }

    #[test]
    fn that_another_thread_runs_and_that_is_busy() {
        ends(|| {
            let (end, ended) = mpsc::channel::<()>();
            let (sender, receiver) = mpsc::channel();
            let runs = std::thread::spawn(move || {
                let other = runtime(0);
                root(&other, async move {
                    tokio::spawn(async move {
                        let handle = tokio::runtime::Handle::current();
                        sender.send(handle).expect("the test waits");
                        let _ = ended.recv();
                    })
                    .await
                    .expect("no panic");
                });
            });
            assert!(waits_for_its_own_child(receiver.recv().expect("a handle")));
            drop(end);
            runs.join().expect("no panic");
        });
    }
}

#[test]
fn with_another_multi_thread_runtimes_handle_entered_on_a_worker() {
    ends(|| {
        let other = runtime(2);
        assert!(waits_for_its_own_child(other.handle().clone()));
        let _task = other.spawn(std::future::pending::<()>());
        assert!(waits_for_its_own_child(other.handle().clone()));
    });
}

#[test]
fn a_call_that_takes_long_in_a_current_thread_task_is_not_taken_for_another() {
    ends(|| {
        root(&runtime(0), async {
            let long = || run_sync(async { tokio::time::sleep(Duration::from_millis(60)).await });
            tokio::spawn(async move { (long(), long()) }).await.expect("no panic");
            LocalSet::new()
                .run_until(async {
                    tokio::task::spawn_local(async move { long() }).await.expect("no panic");
                })
                .await;
        });
    });
}

#[test]
fn timers_go_on_while_a_task_blocks_its_thread_after_it_has_slept() {
    ends(|| {
        let (open, latch) = mpsc::channel::<()>();
        let (sender, begun) = mpsc::channel();
        // Woken by a timer, it runs on the worker that minded the timers.
        let task = sideloop::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(()).expect("the test waits");
            let _ = latch.recv();
        });
        begun.recv().expect("it has begun");
        let short = || run_sync(async { tokio::time::sleep(Duration::from_millis(1)).await });
        (0..3).for_each(|_| short());
        drop(open);
        task.join();
    });
}
