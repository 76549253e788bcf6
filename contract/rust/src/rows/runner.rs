//! Inside of what the bridge itself runs, and beside it.

use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::call;
use crate::bridge::Bridge;
use crate::outcome::{Outcome, expect, report};

pub(super) fn own_task(bridge: Bridge) {
    let done = bridge.run(async { tokio::spawn(async move { call(bridge) }).await });
    expect(done.is_ok(), true);
}

pub(super) fn background(bridge: Bridge) {
    let (done, wait) = mpsc::channel();
    bridge.run(async {
        drop(tokio::spawn(async move {
            sleep(Duration::from_millis(20)).await;
            let _ = done.send(());
        }));
    });
    // No call is made meanwhile.
    if wait.recv_timeout(Duration::from_secs(5)).is_err() {
        report(&Outcome::Hangs);
    }
}

pub(super) fn inner_runtime(bridge: Bridge) {
    let answer = bridge.run(async {
        let inner = Runtime::new()?;
        let answer = inner.spawn(async { 22 }).await;
        drop(inner);
        sleep(Duration::from_millis(1)).await;
        answer.map_err(std::io::Error::other)
    });
    expect(answer.map_err(|why| why.to_string()), Ok(22));
    call(bridge);
}
