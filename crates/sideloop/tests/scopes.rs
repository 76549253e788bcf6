//! Scopes: tasks that borrow, and have ended before what they borrow does.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sideloop::{Runner, run_sync, run_sync_apart, scope};
use support::{ends, message, root, runtime, work};
use tokio::task::{LocalSet, spawn_local, yield_now};

#[test]
fn tasks_borrow_from_the_caller() {
    ends(|| {
        let words = [String::from("a"), String::from("bc")];
        let total = AtomicU32::new(0);
        let lengths = scope(|scope| {
            let tasks: Vec<_> = words
                .iter()
                .map(|word| {
                    scope.spawn(async {
                        work().await;
                        total.fetch_add(1, Ordering::Relaxed);
                        word.len()
                    })
                })
                .collect();
            tasks.into_iter().map(|task| task.join()).collect::<Vec<_>>()
        });
        assert_eq!((lengths, total.into_inner()), (vec![1, 2], 2));
    });
}

#[test]
fn tasks_that_nobody_joins_are_waited_for() {
    ends(|| {
        let done = AtomicU32::new(0);
        scope(|scope| {
            for _ in 0..20 {
                scope.spawn(async {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(done.into_inner(), 20);
    });
}

#[test]
fn a_task_may_spawn_in_its_scope() {
    ends(|| {
        let done = AtomicU32::new(0);
        scope(|scope| {
            scope.spawn(async {
                for _ in 0..3 {
                    scope.spawn(async {
                        work().await;
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        });
        assert_eq!(done.into_inner(), 3);
    });
}

#[test]
fn a_panic_of_the_body_cancels_the_tasks_and_waits_for_them() {
    ends(|| {
        struct Gone<'a>(&'a AtomicU32);
        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let gone = AtomicU32::new(0);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            scope(|scope| {
                let (sender, begun) = std::sync::mpsc::channel();
                let here = &gone;
                scope.spawn(async move {
                    let _gone = Gone(here);
                    sender.send(()).expect("it is waited for");
                    std::future::pending::<()>().await;
                });
                begun.recv().expect("it has begun");
                resume_unwind(Box::new(22_u32));
            })
        }));
        assert_eq!(panic.expect_err("it panicked").downcast_ref(), Some(&22_u32));
        assert_eq!(gone.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_tasks_panic_goes_on_where_it_is_joined_and_else_at_the_end() {
    ends(|| {
        let joined = scope(|scope| {
            let task = scope.spawn(async { resume_unwind(Box::new(1_u32)) });
            catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("it panicked")
        });
        assert_eq!(joined.downcast_ref(), Some(&1_u32));
        let unjoined = catch_unwind(|| {
            scope(|scope| {
                scope.spawn(async { resume_unwind(Box::new(2_u32)) });
            });
        });
        assert_eq!(unjoined.expect_err("it panicked").downcast_ref(), Some(&2_u32));
    });
}

#[test]
fn a_panic_in_a_drop_of_a_task_lets_the_scope_end() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new(3_u32));
        }
    }
    ends(|| {
        let panic = catch_unwind(|| {
            scope(|scope| {
                let panics = Panics;
                scope.spawn(async move {
                    let _panics = &panics;
                    yield_now().await;
                });
            });
        });
        assert_eq!(panic.expect_err("it panicked").downcast_ref(), Some(&3_u32));
        assert_eq!(run_sync(work()), 22);
    });
}

#[test]
fn a_panic_in_a_drop_of_a_cancelled_task_goes_on_where_it_is_joined_and_else_at_the_end() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new(3_u32));
        }
    }
    async fn waits(begins: std::sync::mpsc::Sender<()>) {
        let _panics = Panics;
        begins.send(()).expect("it is waited for");
        std::future::pending::<()>().await;
    }
    ends(|| {
        let joined = scope(|scope| {
            let (begins, begun) = std::sync::mpsc::channel();
            let task = scope.spawn(waits(begins));
            begun.recv().expect("it has begun");
            task.cancel();
            catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("it panicked")
        });
        assert_eq!(joined.downcast_ref(), Some(&3_u32));
        let unjoined = catch_unwind(|| {
            scope(|scope| {
                let (begins, begun) = std::sync::mpsc::channel();
                let task = scope.spawn(waits(begins));
                begun.recv().expect("it has begun");
                task.cancel();
            });
        });
        assert_eq!(unjoined.expect_err("it panicked").downcast_ref(), Some(&3_u32));
    });
}

#[test]
fn a_cancelled_task_is_gone_and_says_so_when_it_is_joined() {
    ends(|| {
        let said = scope(|scope| {
            let task = scope.spawn(std::future::pending::<()>());
            task.cancel();
            catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("cancelled")
        });
        assert!(message(&*said).contains("cancelled"));
    });
}

#[test]
fn a_scope_ends_also_when_its_runner_is_closed_meanwhile() {
    ends(|| {
        let runner = Runner::new("closed early");
        let runner = &runner;
        runner.scope(|scope| {
            scope.spawn(std::future::pending::<()>());
            runner.close(Duration::from_secs(20)).expect("nothing blocks");
            // Dropped at once.
            scope.spawn(std::future::pending::<()>());
        });
    });
}

#[test]
fn scopes_work_inside_runtimes_and_nest() {
    for workers in [0, 1, 2] {
        ends(move || {
            root(&runtime(workers), async {
                let answer = tokio::spawn(async {
                    let numbers = [10, 12];
                    scope(|outer| {
                        let task = outer.spawn(async {
                            scope(|inner| {
                                numbers
                                    .iter()
                                    .map(|n| inner.spawn(async { *n }).join())
                                    .sum::<i32>()
                            })
                        });
                        task.join()
                    })
                });
                assert_eq!(answer.await.expect("no panic"), 22);
            });
        });
    }
}

#[test]
fn tasks_may_join_each_other_before_anybody_else_does() {
    ends(|| {
        scope(|scope| {
            let (sender, joined) = std::sync::mpsc::channel();
            let first = scope.spawn(work());
            let second = scope.spawn(async move {
                let output = first.join();
                // Where it counts how deep it is.
                let nested = run_sync(work());
                sender.send(()).expect("it is waited for");
                output + nested
            });
            joined.recv().expect("it has joined the first one");
            assert_eq!(second.join(), 44);
        });
    });
}

#[test]
fn the_nesting_limit_holds_through_scopes() {
    fn deeper(runner: &Runner) {
        runner.scope(|scope| scope.spawn(async { deeper(runner) }).join());
    }
    ends(|| {
        let runner = Runner::builder("deep").nesting_limit(8).build();
        let panic = catch_unwind(AssertUnwindSafe(|| deeper(&runner))).expect_err("endless");
        assert!(message(&*panic).contains("8 calls are already nested"));
    });
}

mod apart {
    use super::*;

    #[test]
    fn gives_the_output_of_a_future_made_there() {
        ends(|| {
            let here = std::thread::current().id();
            let borrowed = String::from("borrowed");
            let (there, length) = run_sync_apart(|| async {
                let shared = Rc::new(Cell::new(borrowed.len()));
                yield_now().await;
                (std::thread::current().id(), shared.get())
            });
            assert!(there != here && length == 8);
        });
    }

    /// What times out when it is polled on the thread of a `current_thread` runtime.
    #[test]
    fn a_local_set_whose_tasks_yield_works_inside_of_a_current_thread_runtime() {
        ends(|| {
            root(&runtime(0), async {
                let answer = run_sync_apart(|| async {
                    let local = LocalSet::new();
                    local
                        .run_until(async {
                            let task = spawn_local(async {
                                yield_now().await;
                                22
                            });
                            task.await.expect("no panic")
                        })
                        .await
                });
                assert_eq!(answer, 22);
            });
        });
    }

    #[test]
    fn a_panic_goes_on_in_the_caller() {
        ends(|| {
            let panic = catch_unwind(|| {
                run_sync_apart(|| async { resume_unwind(Box::new(22_u32)) });
            });
            assert_eq!(panic.expect_err("it panicked").downcast_ref(), Some(&22_u32));
        });
    }

    #[test]
    fn a_closed_runner_refuses() {
        ends(|| {
            let runner = Runner::new("apart");
            runner.run_sync(work());
            runner.close(Duration::from_secs(20)).expect("nothing blocks");
            let refused = catch_unwind(AssertUnwindSafe(|| runner.run_sync_apart(|| async { 1 })));
            assert!(message(&*refused.expect_err("closed")).contains("has ended"));
        });
    }

    #[test]
    fn the_nesting_limit_holds() {
        fn deeper(runner: &Runner) {
            runner.run_sync_apart(|| async { deeper(runner) });
        }
        ends(|| {
            let runner = Runner::builder("apart").nesting_limit(8).build();
            let panic = catch_unwind(AssertUnwindSafe(|| deeper(&runner))).expect_err("endless");
            assert!(message(&*panic).contains("8 calls are already nested"));
        });
    }
}
