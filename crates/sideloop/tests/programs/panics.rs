//! Which panics there are that nobody sees but the program's hook.

use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};

use sideloop::run_sync;
use tokio::task::LocalSet;

use super::Program;
use super::support::{root, runtime, work};

pub(crate) const PROGRAMS: &[Program] = &[
    ("no place is found by a panic", no_panic),
    ("where tokio must be asked by a panic, it is asked once", asked_once),
    ("two runtimes entered in turn are asked about once each", two_in_turn),
    ("a long call in a current_thread runtime asks nothing by a panic", long_ones),
];

static HOOKED: AtomicU32 = AtomicU32::new(0);

/// How often the panic hook was called during `calls`.
fn hooked(calls: impl FnOnce()) -> u32 {
    panic::set_hook(Box::new(|_| {
        HOOKED.fetch_add(1, Ordering::Relaxed);
    }));
    let before = HOOKED.load(Ordering::Relaxed);
    calls();
    HOOKED.load(Ordering::Relaxed) - before
}

fn call() {
    assert_eq!(run_sync(async { run_sync(work()) }), 22);
}

fn no_panic() {
    let hooked = hooked(|| {
        call();
        for workers in [0, 1, 2] {
            root(&runtime(workers), async {
                call();
                tokio::spawn(async { call() }).await.expect("no panic");
                tokio::task::spawn_blocking(call).await.expect("no panic");
                LocalSet::new().run_until(async { call() }).await;
            });
        }
    });
    assert_eq!(hooked, 0);
}

/// A `current_thread` task that has entered a multi-thread runtime looks like one of that runtime.
fn asked_once() {
    let other = runtime(1);
    let hooked = hooked(|| {
        root(&runtime(0), async {
            let entered = other.handle().clone();
            let task = tokio::spawn(async move {
                let _entered = entered.enter();
                (0..5).for_each(|_| call());
            });
            task.await.expect("no panic");
        });
    });
    assert_eq!(hooked, 1);
}

fn two_in_turn() {
    let (one, two) = (runtime(1), runtime(1));
    let hooked = hooked(|| {
        root(&runtime(0), async {
            let handles = [one.handle().clone(), two.handle().clone()];
            let task = tokio::spawn(async move {
                for _ in 0..20 {
                    for handle in &handles {
                        let _entered = handle.enter();
                        call();
                    }
                }
            });
            task.await.expect("no panic");
        });
    });
    assert_eq!(hooked, 2);
}

fn long_ones() {
    let hooked = hooked(|| {
        root(&runtime(0), async {
            let long = || {
                run_sync(async { tokio::time::sleep(std::time::Duration::from_millis(60)).await });
            };
            tokio::spawn(async move { long() }).await.expect("no panic");
            LocalSet::new()
                .run_until(async {
                    tokio::task::spawn_local(async move { long() }).await.expect("no panic");
                })
                .await;
        });
    });
    assert_eq!(hooked, 0);
}
