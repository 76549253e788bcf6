//! When the system has nothing left to give.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sideloop::{Runner, run_sync, run_sync_apart, run_sync_timeout, scope};

use super::Program;
use super::support::{message, root, runtime, work};
use super::threads::{allow, allow_all};

pub(crate) const PROGRAMS: &[Program] = &[
    ("out of descriptors a first call panics, and the next one works", out_of_descriptors),
    (
        "refused any of its first threads a call panics, and the next one works",
        out_of_first_threads,
    ),
    ("a worker whose call was refused a thread hands over when there is one", out_of_later_threads),
    ("a call that waits for its worker's task ends when there is a thread again", until_there_are),
    ("what runs apart is refused where there is no thread, and works when there is", apart),
    ("a scope needs no thread", scopes),
    ("a runner ends, and says what is left, where there is no thread to end it", ends_without),
];

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

fn out_of_first_threads() {
    for workers in 1..5 {
        for left in 0..workers {
            let name = format!("{workers} workers, {left} threads");
            let workers = NonZero::new(usize::try_from(workers).expect("few")).expect("not zero");
            let runner = Runner::builder(name.clone()).workers(workers).build();
            allow(left);
            let first = catch_unwind(AssertUnwindSafe(|| runner.run_sync(work())));
            allow_all();
            let panic = first.expect_err("it needs its threads");
            let said = message(&*panic);
            assert!(said.contains(&name) && said.contains("could not be started"), "{said}");
            assert_eq!(runner.run_sync(work()), 22);
            runner.shutdown(LIMIT).expect("no thread of the first start is left");
        }
    }
}

/// A worker has queued a task and calls for it.
async fn child() -> bool {
    let child = tokio::spawn(async { 1 });
    run_sync_timeout(child, LIMIT).is_ok()
}

fn out_of_later_threads() {
    run_sync(work());
    for workers in [1, 2] {
        root(&runtime(workers), async {
            for _ in 0..3 {
                let refused = tokio::spawn(async {
                    allow(0);
                    let output = run_sync_timeout(work(), LIMIT);
                    allow_all();
                    output.is_ok()
                });
                assert!(refused.await.expect("no panic"));
                assert!(tokio::spawn(child()).await.expect("no panic"));
            }
        });
    }
}

fn until_there_are() {
    run_sync(work());
    let (tells, told) = std::sync::mpsc::channel();
    let later = std::thread::spawn(move || {
        // Not before there are none, or there would never be any again.
        told.recv().expect("the task comes to it");
        // The wait has begun by then, or begins with threads to be had; right either way.
        std::thread::park_timeout(Duration::from_millis(100));
        allow_all();
    });
    root(&runtime(1), async {
        let waits = tokio::spawn(async move {
            let child = tokio::spawn(async { 1 });
            allow(0);
            tells.send(()).expect("a thread waits for it");
            run_sync_timeout(child, LIMIT).is_ok()
        });
        assert!(waits.await.expect("no panic"));
    });
    later.join().expect("no panic");
}

fn apart() {
    run_sync(work());
    allow(0);
    let refused = catch_unwind(|| run_sync_apart(|| async { 22 }));
    allow_all();
    let panic = refused.expect_err("it needs a thread");
    assert!(message(&*panic).contains("no thread to run it on"), "{}", message(&*panic));
    assert_eq!(run_sync_apart(work), 22);
}

fn scopes() {
    run_sync(work());
    allow(0);
    let number = 22;
    let answer = scope(|scope| scope.spawn(async { number }).join());
    allow_all();
    assert_eq!(answer, 22);
}

fn ends_without() {
    for workers in [0, 1] {
        let runner = Runner::new("ends");
        runner.run_sync(work());
        root(&runtime(workers), async {
            let task = tokio::spawn(async move {
                allow(0);
                let ended = runner.shutdown(Duration::from_millis(10));
                allow_all();
                ended
            });
            // Nobody has waited for the threads: they are gone already, or counted.
            if let Err(left) = task.await.expect("no panic") {
                assert!(left.threads() > 0);
            }
        });
    }
}

fn out_of_descriptors() {
    let before = limit_descriptors(0);
    let panic = catch_unwind(|| run_sync(work())).expect_err("it needs an epoll");
    let message = message(&*panic);
    assert!(
        message.contains("could not be started") && message.contains("tries again"),
        "{message}"
    );

    limit_descriptors(before);
    assert_eq!(run_sync(work()), 22);
}

/// Set how many descriptors this process may open, and return how many it might.
pub(crate) fn limit_descriptors(most: libc::rlim_t) -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let before = std::mem::replace(&mut limit.rlim_cur, most);
    // SAFETY: `limit` is valid for reads.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    before
}
