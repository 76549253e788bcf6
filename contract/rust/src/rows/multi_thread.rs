//! Inside of a multi-thread runtime.

use std::future::pending;
use std::sync::mpsc::{Sender, channel};

use tokio::sync::{mpsc, oneshot};

use super::{call, multi_thread};
use crate::bridge::Bridge;
use crate::outcome::expect;

pub(super) fn task(bridge: Bridge) {
    in_task(async move { call(bridge) });
}

pub(super) fn root(bridge: Bridge) {
    multi_thread().block_on(async { call(bridge) });
}

/// On a worker, when a task is cancelled that holds what calls as it is dropped.
pub(super) fn dropped(bridge: Bridge) {
    struct Calls(Bridge, Sender<()>);
    impl Drop for Calls {
        fn drop(&mut self) {
            call(self.0);
            let _ = self.1.send(());
        }
    }

    let (done, wait) = channel();
    in_task(async move {
        let held = Calls(bridge, done);
        let task = tokio::spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        task.abort();
        expect(task.await.is_err_and(|why| why.is_cancelled()), true);
    });
    expect(wait.recv().is_ok(), true);
}

/// The task around the call has a budget of 128 operations; then nothing is ready any more.
pub(super) fn coop_budget(bridge: Bridge) {
    in_task(async move {
        let (send, mut receive) = mpsc::unbounded_channel();
        for number in 0..1000_u32 {
            expect(send.send(number).is_ok(), true);
        }
        let sum = bridge.run(async {
            let mut sum = 0;
            for _ in 0..1000 {
                sum += receive.recv().await.unwrap_or_default();
            }
            sum
        });
        expect(sum, 499_500);
    });
}

/// What a worker spawned last, only that worker may run: it must go on without the caller.
pub(super) fn lifo_slot(bridge: Bridge) {
    in_task(async move {
        let (send, receive) = oneshot::channel();
        drop(tokio::spawn(async move { send.send(22) }));
        expect(bridge.run(receive), Ok(22));
    });
}

fn in_task(work: impl Future<Output = ()> + Send + 'static) {
    let done = multi_thread().block_on(async { tokio::spawn(work).await });
    expect(done.is_ok(), true);
}
