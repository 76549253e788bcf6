//! A fork's child begins anew, and leaves its parent alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use sideloop::{Runner, run_sync};

use super::Program;
use super::process::{Ended, in_child};
use super::support::{echo, message, root, runtime, work};

pub(crate) const PROGRAMS: &[Program] = &[
    ("the child's global runner is made anew", global_runner),
    ("the child of a child calls", child_of_a_child),
    ("a runner of one's own starts anew in the child", own_runner),
    ("a runner that never started may start in the child", unstarted_runner),
    ("a child that drops an inherited runner leaves the parent's alone", dropped_in_the_child),
    ("a call that was under way at the fork panics in the child", forked_inside_a_call),
    ("a call inside a forked task works in the child", forked_inside_a_task),
    ("an inherited task is not waited for", inherited_task),
    ("what else is inherited is left alone, and goes on in the parent", inherited_handles),
    ("a fork inside a scope leaves the parent's tasks to the parent", forked_inside_a_scope),
    ("a runner of a handle is the parent's", of_a_handle),
    ("a runner that was closed is closed in the child", closed_before),
    ("children forked while other threads call and start runners are all well", under_load),
];

fn calls() {
    assert_eq!(run_sync(work()), 22);
    assert_eq!(run_sync(echo()), 1000);
}

fn global_runner() {
    calls();
    assert_eq!(in_child(calls), Ended::Well);
    calls();
}

fn child_of_a_child() {
    calls();
    let generations = || {
        calls();
        assert_eq!(in_child(calls), Ended::Well);
        calls();
    };
    assert_eq!(in_child(generations), Ended::Well);
    calls();
}

fn own_runner() {
    let runner = Runner::new("own");
    let calls = || {
        assert_eq!(runner.run_sync(work()), 22);
        assert_eq!(runner.spawn(work()).join(), 22);
    };
    calls();
    assert_eq!(in_child(calls), Ended::Well);
    calls();
}

fn unstarted_runner() {
    let runner = Runner::new("unstarted");
    run_sync(work());
    assert_eq!(in_child(|| assert_eq!(runner.run_sync(work()), 22)), Ended::Well);
    assert_eq!(runner.run_sync(work()), 22);
}

fn dropped_in_the_child() {
    let mut runner = Some(Runner::new("dropped"));
    let call = |runner: &Option<Runner>| {
        let runner = runner.as_ref().expect("this process has not dropped it");
        assert_eq!(runner.run_sync(echo()), 1000);
    };
    call(&runner);
    let mut inherited = runner.take();
    let ended = in_child(|| drop(inherited.take()));
    assert_eq!(ended, Ended::Well);
    call(&inherited);
}

fn forked_inside_a_call() {
    let mut forked = false;
    let ended = run_sync(async {
        let ended = in_child(|| {
            let call = AssertUnwindSafe(|| run_sync(work()));
            assert_eq!(catch_unwind(call).expect("a new call in the child"), 22);
        });
        forked = true;
        ended
    });
    assert!(forked && ended == Ended::Well);

    // Here the child goes on with the call itself.
    let mut status = None;
    let goes_on = || {
        let waits = async {
            run_sync(work());
            // SAFETY: as in `in_child`.
            status = Some(unsafe { libc::fork() });
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        };
        run_sync(waits);
    };
    let ended = catch_unwind(AssertUnwindSafe(goes_on));
    match status.expect("it forked") {
        0 => {
            let panic = ended.expect_err("its timer is in the parent");
            assert!(message(&*panic).contains("forked inside this call"));
            // SAFETY: it does not return.
            unsafe { libc::_exit(0) }
        }
        child => {
            ended.expect("the parent's call goes on");
            let mut status = 0;
            // SAFETY: `status` is valid for writes, and the child is ours.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0);
        }
    }
}

fn forked_inside_a_task() {
    run_sync(work());
    for workers in [0, 1] {
        let task = async { tokio::spawn(async { in_child(calls) }).await.expect("no panic") };
        assert_eq!(root(&runtime(workers), task), Ended::Well);
    }
}

fn inherited_task() {
    let spawn = || Some(sideloop::spawn(std::future::pending::<()>()));
    let (mut joined, mut awaited, mut dropped) = (spawn(), spawn(), spawn());
    let ended = in_child(|| {
        let refused = |wait: &mut dyn FnMut()| {
            let panic = catch_unwind(AssertUnwindSafe(wait)).expect_err("it is in the parent");
            assert!(message(&*panic).contains("before the process was forked"));
        };
        refused(&mut || joined.take().expect("once").join());
        refused(&mut || run_sync(awaited.take().expect("once")));
        drop(dropped.take());
        calls();
    });
    assert_eq!(ended, Ended::Well);
    assert!(joined.is_some_and(|task| !task.is_finished()), "in the parent it runs on");
}

fn under_load() {
    let stop = Arc::new(AtomicBool::new(false));
    let called = Arc::new(AtomicU32::new(0));
    let busy = |load: fn()| {
        let (stop, called) = (Arc::clone(&stop), Arc::clone(&called));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                load();
                called.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let mut threads = vec![busy(|| assert_eq!(run_sync(work()), 22))];
    // std holds a lock of its own while it notes the stack of a thread that starts, and a child whose parent
    // had it at the fork starts no thread. With musl, whose malloc is slow, that is one run of this in fifteen.
    if cfg!(not(target_env = "musl")) {
        threads.push(busy(|| assert_eq!(Runner::new("short").run_sync(work()), 22)));
    }
    for _ in 0..100 {
        assert_eq!(in_child(|| assert_eq!(run_sync(work()), 22)), Ended::Well);
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert!(called.load(Ordering::Relaxed) > 0);
}

/// What was made before a fork is left alone in the child, and refuses to be waited for.
fn inherited_handles() {
    /// Must not be dropped where it is inherited.
    struct OfTheParent(libc::pid_t);
    impl OfTheParent {
        fn new() -> Self {
            Self(process())
        }
    }
    impl Drop for OfTheParent {
        fn drop(&mut self) {
            assert_eq!(self.0, process(), "dropped in the child");
        }
    }
    impl futures_core::Stream for OfTheParent {
        type Item = ();

        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<()>> {
            std::task::Poll::Ready(Some(()))
        }
    }
    fn process() -> libc::pid_t {
        // SAFETY: it takes nothing and cannot fail.
        unsafe { libc::getpid() }
    }

    let at_once = std::num::NonZero::new(2).expect("two");
    let mut holding = Some((
        sideloop::iter(OfTheParent::new()),
        sideloop::map([OfTheParent::new()], at_once, |_| async {}),
        sideloop::map([OfTheParent::new()], at_once, |_| async {}),
        sideloop::inside(OfTheParent::new()),
        sideloop::blocking(OfTheParent::new()),
    ));
    let mut inherited = Some((
        sideloop::iter(tokio_stream()),
        sideloop::iter(tokio_stream()).read_ahead(at_once),
        sideloop::map(0..5, at_once, |n| async move { n }),
        sideloop::map(0..5, at_once, |n| async move { n }).unordered(),
        sideloop::blocking(tokio::io::duplex(8).0),
        sideloop::inside(run_sync(async { tokio::net::UdpSocket::bind("127.0.0.1:0").await })),
    ));
    // Not a closure: nobody can name these types.
    macro_rules! use_it {
        () => {{
            let (iter, ahead, map, unordered, ..) = inherited.as_mut().expect("not dropped");
            (iter.next(), ahead.next(), map.next(), unordered.next().is_some())
        }};
    }
    assert_eq!(use_it!(), (Some(1), Some(1), Some(0), true));
    let ended = in_child(|| {
        let (mut iter, mut ahead, mut map, mut unordered, mut io, _socket) =
            inherited.take().expect("not dropped");
        let refused = |wait: &mut dyn FnMut()| {
            let panic = catch_unwind(AssertUnwindSafe(wait)).expect_err("it is in the parent");
            assert!(message(&*panic).contains("before the process was forked"));
        };
        refused(&mut || assert!(iter.next().is_some()));
        refused(&mut || assert!(ahead.next().is_some()));
        refused(&mut || assert!(map.next().is_some()));
        refused(&mut || assert!(unordered.next().is_some()));
        refused(&mut || drop(std::io::Read::read(&mut io, &mut [0; 8])));
        drop((iter, ahead, map, unordered, io));
        let (iter, map, unordered, inside, blocking) = holding.take().expect("not dropped");
        let mut iter = Some(iter);
        refused(&mut || drop(iter.take().expect("once").read_ahead(at_once)));
        let mut unordered = unordered.unordered();
        refused(&mut || assert!(unordered.next().is_some()));
        drop((map, unordered, inside, blocking));
        calls();
    });
    assert_eq!(ended, Ended::Well);
    assert_eq!(use_it!(), (Some(2), Some(2), Some(1), true), "the parent's goes on");
}

/// Counts from one.
fn tokio_stream() -> impl futures_core::Stream<Item = u32> + Send + Unpin {
    struct Counts(u32);
    impl futures_core::Stream for Counts {
        type Item = u32;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<u32>> {
            self.0 += 1;
            std::task::Poll::Ready(Some(self.0))
        }
    }
    Counts(0)
}

fn forked_inside_a_scope() {
    let number = 22;
    let mut ended = None;
    sideloop::scope(|scope| {
        let task = scope.spawn(async {
            work().await;
            number
        });
        ended = Some(in_child(|| {
            calls();
            let inner = sideloop::scope(|scope| scope.spawn(async { number }).join());
            assert_eq!(inner, 22);
        }));
        assert_eq!(task.join(), 22);
    });
    assert_eq!(ended, Some(Ended::Well));

    // Here the child leaves the scope.
    let mut status = None;
    let leaves = || {
        sideloop::scope(|scope| {
            scope.spawn(work());
            // SAFETY: as in `in_child`.
            status = Some(unsafe { libc::fork() });
        });
    };
    let left = catch_unwind(AssertUnwindSafe(leaves));
    match status.expect("it forked") {
        0 => {
            let said = left.expect_err("its tasks are in the parent");
            let well = message(&*said).contains("fork");
            // SAFETY: it does not return.
            unsafe { libc::_exit(i32::from(!well)) }
        }
        child => {
            left.expect("the parent's scope goes on");
            let mut status = 0;
            // SAFETY: `status` is valid for writes, and the child is ours.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0);
        }
    }
}

fn of_a_handle() {
    let theirs = runtime(1);
    let runner = Runner::from(theirs.handle().clone());
    assert_eq!(runner.run_sync(work()), 22);
    let ended = in_child(|| {
        let call = AssertUnwindSafe(|| runner.run_sync(work()));
        let panic = catch_unwind(call).expect_err("the runtime is the parent's");
        assert!(message(&*panic).contains("before the process was forked"));
        calls();
    });
    assert_eq!(ended, Ended::Well);
    assert_eq!(runner.run_sync(work()), 22);
}

fn closed_before() {
    let runner = Runner::new("closed");
    runner.run_sync(work());
    runner.close(std::time::Duration::from_secs(20)).expect("nothing blocks");
    let ended = in_child(|| {
        let call = AssertUnwindSafe(|| runner.run_sync(work()));
        assert!(catch_unwind(call).is_err(), "it stays closed");
        runner.close(std::time::Duration::ZERO).expect("there is nothing to end");
    });
    assert_eq!(ended, Ended::Well);
}
