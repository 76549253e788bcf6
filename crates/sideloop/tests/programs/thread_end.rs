//! Calls while a thread, or the process, ends.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use sideloop::{Runner, run_sync};

use super::Program;
use super::support::{message, work};

pub(crate) const PROGRAMS: &[Program] = &[
    ("a thread-local's destructor may call while tokio's context is there", early_destructor),
    (
        "in a later destructor a call panics and says why, if a thread-local is gone",
        late_destructor,
    ),
    ("a runner in a thread-local is dropped with its thread", runner_in_a_thread_local),
    ("main may return while threads call and wait", main_returns),
];

/// Calls when it is dropped, and sends what came of it.
struct Calls(Sender<Result<u32, String>>);

impl Drop for Calls {
    fn drop(&mut self) {
        let called = catch_unwind(AssertUnwindSafe(|| run_sync(work())));
        let _ = self.0.send(called.map_err(|panic| message(&*panic).to_owned()));
    }
}

thread_local! {
    static CALLS: RefCell<Option<Calls>> = const { RefCell::new(None) };
    static RUNNER: RefCell<Option<Runner>> = const { RefCell::new(None) };
}

// Thread-locals are destroyed in the order opposite to that of their first use.

fn early_destructor() {
    let (sender, receiver) = channel();
    let ends = thread::spawn(move || {
        run_sync(work());
        CALLS.set(Some(Calls(sender)));
    });
    assert_eq!(receiver.recv().expect("the destructor ran"), Ok(22));
    ends.join().expect("no panic");
}

fn late_destructor() {
    let (sender, receiver) = channel();
    let ends = thread::spawn(move || {
        CALLS.set(Some(Calls(sender)));
        run_sync(work());
    });
    match receiver.recv().expect("the destructor ran") {
        Err(said) => assert!(said.contains("this thread is ending"), "{said}"),
        // std keeps them by the system's keys there, and makes one anew that is asked for when it is gone.
        Ok(output) => assert!(cfg!(all(windows, target_env = "gnu")) && output == 22, "it is left"),
    }
    ends.join().expect("no panic");
    assert_eq!(run_sync(work()), 22, "other threads are as before");
}

fn runner_in_a_thread_local() {
    thread::spawn(|| {
        RUNNER.set(Some(Runner::new("of a thread")));
        RUNNER.with_borrow(|runner| {
            assert_eq!(runner.as_ref().expect("set above").run_sync(work()), 22);
        });
    })
    .join()
    .expect("no panic");
}

fn main_returns() {
    let (sender, receiver) = channel();
    for call in [
        || run_sync(std::future::pending::<()>()),
        || loop {
            run_sync(work());
        },
    ] {
        let sender = sender.clone();
        thread::spawn(move || {
            sender.send(()).expect("main waits");
            call();
        });
        receiver.recv().expect("it has begun");
    }
}
