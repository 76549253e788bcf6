//! Threads that no runtime polls tasks on.

use rayon::prelude::*;
use tokio::task::yield_now;

use super::{call, multi_thread};
use crate::bridge::Bridge;
use crate::outcome::expect;

pub(super) fn plain(bridge: Bridge) {
    call(bridge);
}

pub(super) fn spawn_blocking(bridge: Bridge) {
    let runtime = multi_thread();
    let done = runtime.block_on(runtime.spawn_blocking(move || call(bridge)));
    expect(done.is_ok(), true);
}

pub(super) fn rayon(bridge: Bridge) {
    (0..100).into_par_iter().for_each(|_| call(bridge));
}

pub(super) fn nested(bridge: Bridge) {
    expect(nest(bridge, 10), 10);
}

fn nest(bridge: Bridge, depth: u32) -> u32 {
    if depth == 0 {
        call(bridge);
        return 0;
    }
    bridge.run(async {
        yield_now().await;
        1 + nest(bridge, depth - 1)
    })
}
