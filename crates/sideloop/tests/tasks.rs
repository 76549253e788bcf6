//! Tasks: they run on the runner's threads, and end with whoever holds them.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::time::Duration;

use sideloop::{Runner, run_sync, run_sync_timeout, spawn};
use support::{ends, message, root, runtime, work};

/// Tells when it is dropped.
struct Tells(mpsc::Sender<&'static str>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A future that waits for ever, and what it tells: first that it has begun.
fn endless() -> (impl Future<Output = ()> + Send, mpsc::Receiver<&'static str>) {
    let (sender, receiver) = mpsc::channel();
    let future = async move {
        let _ = sender.send("begun");
        let _tells = Tells(sender);
        std::future::pending::<()>().await;
    };
    (future, receiver)
}

#[test]
fn join_gives_the_output() {
    assert_eq!(ends(|| spawn(work()).join()), 22);
}

#[test]
fn join_goes_on_with_the_tasks_panic() {
    ends(|| {
        let task = spawn(async { resume_unwind(Box::new(22_u32)) });
        let panic = catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("it panicked");
        assert_eq!(panic.downcast_ref(), Some(&22_u32));
    });
}

#[test]
fn a_task_may_be_awaited() {
    ends(|| {
        assert_eq!(run_sync(async { spawn(work()).await + spawn(work()).await }), 44);
        assert_eq!(root(&runtime(0), async { spawn(work()).await }), 22);
    });
}

#[test]
fn join_works_inside_runtimes() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                assert_eq!(tokio::spawn(async { spawn(work()).join() }).await.expect("none"), 22);
            });
        });
    }
}

#[test]
fn dropping_a_task_cancels_it() {
    ends(|| {
        let (future, told) = endless();
        let task = spawn(future);
        assert_eq!(told.recv(), Ok("begun"));
        assert!(!task.is_finished());
        drop(task);
        assert_eq!(told.recv(), Ok("dropped"));
    });
}

#[test]
fn a_wait_that_is_given_up_cancels_the_task() {
    ends(|| {
        let (future, told) = endless();
        let task = spawn(future);
        assert_eq!(told.recv(), Ok("begun"));
        assert!(run_sync_timeout(task, Duration::from_millis(5)).is_err());
        assert_eq!(told.recv(), Ok("dropped"));
    });
}

#[test]
fn a_detached_task_runs_on() {
    ends(|| {
        let (sender, receiver) = mpsc::channel();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let task = spawn(async move {
            wait.await.expect("told to go");
            sender.send(22).expect("somebody listens");
        });
        task.detach();
        go.send(()).expect("it still runs");
        assert_eq!(receiver.recv(), Ok(22));
    });
}

#[test]
fn is_finished_once_it_has_ended() {
    ends(|| {
        let (sender, receiver) = mpsc::channel();
        let task = spawn(async move { drop(Tells(sender)) });
        assert_eq!(receiver.recv(), Ok("dropped"));
        while !task.is_finished() {
            std::thread::yield_now();
        }
        task.join();
    });
}

#[test]
fn join_after_the_runner_has_ended_panics_and_says_why() {
    ends(|| {
        let runner = Runner::new("gone");
        let (future, told) = endless();
        let task = runner.spawn(future);
        assert_eq!(told.recv(), Ok("begun"));
        drop(runner);
        let panic = catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("cancelled");
        let message = message(&*panic);
        assert!(message.contains("\"gone\"") && message.contains("cancelled"), "{message}");
    });
}

#[test]
fn a_task_that_has_given_its_output_says_so_when_it_is_asked_again() {
    ends(|| {
        let taken = || {
            let mut task = spawn(work());
            assert_eq!(run_sync(&mut task), 22);
            assert!(task.is_finished());
            task
        };
        let says = |again: &mut dyn FnMut()| {
            let panic = catch_unwind(AssertUnwindSafe(again)).expect_err("it is gone");
            assert!(message(&*panic).contains("has given its output already"));
        };
        let limit = Duration::from_secs(20);
        says(&mut || assert_eq!(taken().join(), 22));
        says(&mut || assert!(taken().join_timeout(limit).is_ok()));
        says(&mut || assert!(taken().try_join().is_ok()));
        says(&mut || assert!(taken().cancel_and_wait(limit).is_ok()));
        says(&mut || assert_eq!(run_sync(taken()), 22));
        drop(taken());
        taken().detach();
    });
}

#[test]
fn tasks_that_wait_for_each_other_in_a_circle_go_on_after_their_limits() {
    fn waits_for(
        other: mpsc::Receiver<sideloop::Task<()>>,
        tells: mpsc::Sender<u32>,
    ) -> sideloop::Task<()> {
        spawn(async move {
            let other = other.recv().expect("it is sent");
            if let Err(late) = other.join_timeout(Duration::from_millis(20)) {
                late.detach();
            }
            // Where it counts how deep it is.
            let _ = tells.send(run_sync(work()));
        })
    }
    ends(|| {
        let ((to_first, first), (to_second, second)) = (mpsc::channel(), mpsc::channel());
        let (tells, told) = mpsc::channel();
        let (first, second) = (waits_for(first, tells.clone()), waits_for(second, tells));
        to_first.send(second).expect("it waits");
        to_second.send(first).expect("it waits");
        assert_eq!(told.iter().collect::<Vec<_>>(), [22, 22]);
    });
}

#[test]
fn a_task_that_spawns_its_successor_is_not_nested_in_it() {
    fn generation(runner: &'static Runner, left: u32, done: mpsc::Sender<u32>) {
        let task = runner.spawn(async move {
            let left = left - runner.run_sync(async { 1 });
            if left == 0 {
                let _ = done.send(left);
            } else {
                generation(runner, left, done);
            }
        });
        task.detach();
    }
    ends(|| {
        let runner = Box::leak(Box::new(Runner::builder("chain").nesting_limit(3).build()));
        let (sender, receiver) = mpsc::channel();
        generation(runner, 20, sender);
        assert_eq!(receiver.recv(), Ok(0));
    });
}

mod waits {
    use super::*;

    #[test]
    fn join_timeout_gives_the_task_back_and_lets_it_run_on() {
        ends(|| {
            let (go, wait) = tokio::sync::oneshot::channel::<u32>();
            let task = spawn(async { wait.await.expect("told") });
            let task = task.join_timeout(Duration::from_millis(5)).expect_err("not told yet");
            go.send(22).expect("it still runs");
            assert_eq!(task.join_timeout(Duration::from_secs(20)).ok(), Some(22));
        });
    }

    #[test]
    fn try_join_does_not_block() {
        ends(|| {
            let (go, wait) = tokio::sync::oneshot::channel::<u32>();
            let task = spawn(async { wait.await.expect("told") });
            let mut task = task.try_join().expect_err("not told yet");
            go.send(22).expect("it still runs");
            let output = loop {
                match task.try_join() {
                    Ok(output) => break output,
                    Err(running) => task = running,
                }
                std::thread::yield_now();
            };
            assert_eq!(output, 22);
        });
    }

    #[test]
    fn cancel_and_wait_returns_when_the_future_has_been_dropped() {
        ends(|| {
            let (future, told) = endless();
            let task = spawn(future);
            assert_eq!(told.recv(), Ok("begun"));
            let ended = task.cancel_and_wait(Duration::from_secs(20)).expect("it awaits");
            assert_eq!((ended, told.try_recv()), (None, Ok("dropped")));
        });
    }

    #[test]
    fn cancel_and_wait_gives_the_output_of_one_that_has_ended() {
        ends(|| {
            let task = spawn(async { 22 });
            while !task.is_finished() {
                std::thread::yield_now();
            }
            let ended = task.cancel_and_wait(Duration::from_secs(20)).expect("it has ended");
            assert_eq!(ended, Some(22));
        });
    }

    #[test]
    fn cancel_and_wait_gives_a_task_back_that_blocks_its_thread() {
        ends(|| {
            let (open, latch) = mpsc::channel::<()>();
            let (sender, begun) = mpsc::channel();
            let task = spawn(async move {
                sender.send(()).expect("the test waits");
                let _ = latch.recv();
            });
            begun.recv().expect("it has begun");
            let task = task.cancel_and_wait(Duration::from_millis(20)).expect_err("it blocks");
            drop(open);
            // It does not await any more, so it ends as if nobody had asked.
            let ended = task.cancel_and_wait(Duration::from_secs(20)).expect("it has ended");
            assert_eq!(ended, Some(()));
        });
    }

    #[test]
    fn cancel_and_wait_goes_on_with_a_panic() {
        ends(|| {
            let task = spawn(async { resume_unwind(Box::new(22_u32)) });
            while !task.is_finished() {
                std::thread::yield_now();
            }
            let wait = AssertUnwindSafe(|| task.cancel_and_wait(Duration::from_secs(20)));
            let panic = catch_unwind(wait).expect_err("it panicked");
            assert_eq!(panic.downcast_ref(), Some(&22_u32));
        });
    }
}

mod taking_along {
    use super::*;

    tokio::task_local! { static REQUEST: u32; }

    fn carrying() -> Runner {
        Runner::builder("carries")
            .carry(|| {
                let request = REQUEST.try_with(|request| *request).ok();
                move |poll: &mut dyn FnMut()| match request {
                    Some(request) => REQUEST.sync_scope(request, poll),
                    None => poll(),
                }
            })
            .build()
    }

    #[test]
    fn what_is_set_where_a_task_is_spawned_is_set_in_it_at_each_poll() {
        ends(|| {
            let runner = carrying();
            let request = || async {
                tokio::task::yield_now().await;
                REQUEST.try_with(|request| *request).ok()
            };
            assert_eq!(runner.spawn(request()).join(), None);
            REQUEST.sync_scope(22, || {
                assert_eq!(runner.spawn(request()).join(), Some(22));
                assert_eq!(runner.scope(|scope| scope.spawn(request()).join()), Some(22));
                let at_once = std::num::NonZero::new(2).expect("two");
                let mut each = runner.map(0..3, at_once, |_| request());
                assert!(each.by_ref().all(|seen| seen == Some(22)));
                let mut each = runner.map(0..3, at_once, |_| request()).unordered();
                assert!(each.by_ref().all(|seen| seen == Some(22)));
                assert_eq!(runner.run_sync_apart(request), Some(22));
                let made = || std::future::ready(REQUEST.try_with(|request| *request).ok());
                assert_eq!(runner.run_sync_apart(made), Some(22));
            });
        });
    }

    #[test]
    fn what_runs_apart_runs_once_whatever_is_done_with_it() {
        ends(|| {
            let never = Runner::builder("never").carry(|| |_: &mut dyn FnMut()| {}).build();
            assert_eq!(never.run_sync_apart(work), 22);
            let twice = Runner::builder("twice").carry(|| {
                |run: &mut dyn FnMut()| {
                    run();
                    run();
                }
            });
            let twice = twice.build();
            let mut runs = 0;
            twice.run_sync_apart(|| {
                runs += 1;
                work()
            });
            assert_eq!(runs, 1);
        });
    }
}
