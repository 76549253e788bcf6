//! The global runner, of which a process has one.

use std::num::NonZero;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use sideloop::{Runner, handle, run_sync};

use super::Program;
#[cfg(unix)]
use super::process::{Ended, in_child};
use super::support::work;

pub(crate) const PROGRAMS: &[Program] = &[
    ("the global runner is what the program has set", set),
    ("it cannot be set after its first use, nor twice", set_too_late),
    ("set and used at once, it is one and stays the same", at_once),
];

fn configured() -> sideloop::Builder {
    Runner::builder("set").workers(NonZero::new(3).expect("three"))
}

fn set() {
    configured().build_global().expect("nobody has used it");
    assert_eq!(handle().metrics().num_workers(), 3);
    let name = || thread::current().name().map(str::to_owned);
    assert_eq!(sideloop::spawn(async move { name() }).join().as_deref(), Some("set"));
    #[cfg(unix)]
    assert_eq!(in_child(|| assert_eq!(handle().metrics().num_workers(), 3)), Ended::Well);
    assert!(configured().build_global().is_err(), "it is set already");
}

fn set_too_late() {
    assert_eq!(run_sync(work()), 22);
    let late = configured().build_global().expect_err("it is in use");
    assert!(late.to_string().contains("at the beginning of main"));
    assert_eq!(handle().metrics().num_workers(), 2);
}

fn at_once() {
    let set = AtomicU32::new(0);
    let workers = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                if configured().build_global().is_ok() {
                    set.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let users: Vec<_> =
            (0..4).map(|_| scope.spawn(|| handle().metrics().num_workers())).collect();
        users.into_iter().map(|user| user.join().expect("no panic")).collect::<Vec<_>>()
    });
    let expected = if set.load(Ordering::Relaxed) == 1 { 3 } else { 2 };
    assert!(set.load(Ordering::Relaxed) <= 1 && workers.iter().all(|seen| *seen == expected));
}
