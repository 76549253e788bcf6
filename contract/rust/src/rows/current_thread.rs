//! Inside of a `current_thread` runtime, which does nothing at all while a call blocks its only thread.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::sleep;

use super::{call, current_thread};
use crate::bridge::Bridge;
use crate::outcome::{Outcome, expect, report};

pub(super) fn task(bridge: Bridge) {
    let done = current_thread().block_on(async { tokio::spawn(async move { call(bridge) }).await });
    expect(done.is_ok(), true);
}

pub(super) fn root(bridge: Bridge) {
    current_thread().block_on(async { call(bridge) });
}

/// Here `yield_now` leaves its wake-up to the runtime, for when the task has returned.
pub(super) fn yields(bridge: Bridge) {
    let turns = call_in_root(bridge, async {
        let mut turns = 0;
        for _ in 0..100 {
            yield_now().await;
            turns += 1;
        }
        turns
    });
    expect(turns, 100);
}

pub(super) fn tcp(bridge: Bridge) {
    let answer = call_in_root(bridge, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        client.write_all(&[22]).await?;
        let byte = server.read_u8().await?;
        server.write_all(&[byte]).await?;
        client.read_u8().await
    });
    expect(answer.map_err(|why| why.to_string()), Ok(22));
}

pub(super) fn spawn(bridge: Bridge) {
    let answer = call_in_root(bridge, async { tokio::spawn(async { 22 }).await });
    expect(answer.map_err(|why| why.to_string()), Ok(22));
}

pub(super) fn coop_loop(bridge: Bridge) {
    let turns = call_in_root(bridge, async {
        let mut turns = 0;
        for _ in 0..1000 {
            consume_budget().await;
            turns += 1;
        }
        turns
    });
    expect(turns, 1000);
}

pub(super) fn nested_local_set(bridge: Bridge) {
    let total = call_in_root(bridge, async {
        let total = Rc::new(Cell::new(0));
        let shared = Rc::clone(&total);
        let work = async move {
            let task = spawn_local(async move {
                sleep(Duration::from_millis(1)).await;
                shared.set(22);
            });
            task.await
        };
        LocalSet::new().run_until(work).await.map(|()| total.get())
    });
    expect(total.map_err(|why| why.to_string()), Ok(22));
}

/// Nothing can make this work: what it waits for needs the thread that waits.
pub(super) fn own_loop(bridge: Bridge) {
    current_thread().block_on(async {
        let (send, receive) = oneshot::channel();
        drop(tokio::spawn(async move { send.send(22) }));
        match bridge.run_within(Duration::from_millis(100), receive) {
            Some(answer) => expect(answer, Ok(22)),
            None => report(&Outcome::TimesOut),
        }
    });
}

/// Nor this: the `LocalSet` hears of the deferred wake-up, and only of that, from the runtime around.
pub(super) fn yield_in_local_set(bridge: Bridge) {
    let local_set = LocalSet::new();
    let work = local_set.run_until(async { spawn_local(yield_now()).await.is_ok() });
    current_thread().block_on(async {
        match bridge.run_within(Duration::from_millis(100), work) {
            Some(answer) => expect(answer, true),
            None => report(&Outcome::TimesOut),
        }
    });
}

fn call_in_root<T>(bridge: Bridge, future: impl Future<Output = T>) -> T {
    current_thread().block_on(async { bridge.run(future) })
}
