//! Inside of a `LocalSet`. On a multi-thread runtime its thread is one on which `block_in_place` panics.

use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};

use super::{call, current_thread, multi_thread};
use crate::bridge::Bridge;
use crate::outcome::expect;

pub(super) fn task_on_current_thread(bridge: Bridge) {
    task(&current_thread(), bridge);
}

pub(super) fn root_on_current_thread(bridge: Bridge) {
    root(&current_thread(), bridge);
}

pub(super) fn task_on_multi_thread(bridge: Bridge) {
    task(&multi_thread(), bridge);
}

pub(super) fn root_on_multi_thread(bridge: Bridge) {
    root(&multi_thread(), bridge);
}

fn task(runtime: &Runtime, bridge: Bridge) {
    let work = async { spawn_local(async move { call(bridge) }).await };
    let done = LocalSet::new().block_on(runtime, work);
    expect(done.is_ok(), true);
}

fn root(runtime: &Runtime, bridge: Bridge) {
    LocalSet::new().block_on(runtime, async { call(bridge) });
}
