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
    let threads = [
        busy(|| assert_eq!(run_sync(work()), 22)),
        busy(|| assert_eq!(Runner::new("short").run_sync(work()), 22)),
    ];
    for _ in 0..100 {
        assert_eq!(in_child(|| assert_eq!(run_sync(work()), 22)), Ended::Well);
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert!(called.load(Ordering::Relaxed) > 0);
}
