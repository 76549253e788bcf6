//! The rows: each a context, in which a bridge is asked to run a future.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::bridge::Bridge;
use crate::outcome::expect;

mod threads;

mod multi_thread;

mod current_thread;

mod local_set;

mod runner;

mod ends;

pub(crate) type Row = fn(Bridge);

pub(crate) fn find(name: &str) -> Option<Row> {
    Some(match name {
        "plain-thread" => threads::plain,
        "spawn-blocking" => threads::spawn_blocking,
        "rayon" => threads::rayon,
        "nested" => threads::nested,

        "multi-thread-task" => multi_thread::task,
        "multi-thread-root" => multi_thread::root,
        "drop" => multi_thread::dropped,
        "coop-budget" => multi_thread::coop_budget,
        "lifo-slot" => multi_thread::lifo_slot,

        "current-thread-task" => current_thread::task,
        "current-thread-root" => current_thread::root,
        "yield-now" => current_thread::yields,
        "tcp" => current_thread::tcp,
        "spawn" => current_thread::spawn,
        "coop-loop" => current_thread::coop_loop,
        "nested-local-set" => current_thread::nested_local_set,
        "own-loop" => current_thread::own_loop,
        "yield-in-local-set" => current_thread::yield_in_local_set,

        "local-set-task-on-current-thread" => local_set::task_on_current_thread,
        "local-set-root-on-current-thread" => local_set::root_on_current_thread,
        "local-set-task-on-multi-thread" => local_set::task_on_multi_thread,
        "local-set-root-on-multi-thread" => local_set::root_on_multi_thread,

        "own-task" => runner::own_task,
        "background" => runner::background,
        "inner-runtime" => runner::inner_runtime,

        "thread-local-destructor" => ends::thread_local_destructor,
        #[cfg(unix)]
        "fork" => ends::fork,
        _ => return None,
    })
}

/// A call that needs all that a runtime gives, and holds what is neither `Send` nor `'static`.
fn call(bridge: Bridge) {
    let total = Rc::new(Cell::new(0));
    bridge.run(add(&total));
    expect(total.get(), 22);
}

async fn add(total: &Rc<Cell<u32>>) {
    sleep(Duration::from_millis(1)).await;
    total.set(10);
    yield_now().await;
    let spawned = tokio::spawn(async {
        yield_now().await;
        12
    });
    total.set(total.get() + spawned.await.expect("the task does not fail"));
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}
