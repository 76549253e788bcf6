//! What a call costs in instructions of the caller's thread, counted by valgrind: the same on a busy machine.
//!
//! A hundred calls each, after one that starts the threads.

#![expect(missing_docs, reason = "gungraun's macros make items without any")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use sideloop_benches::peers::{HandleBlockOn, Owned, Peer, Sideloop};

const CALLS: u32 = 100;

async fn ready() -> u32 {
    black_box(22)
}

async fn suspends() -> u32 {
    tokio::task::yield_now().await;
    black_box(22)
}

/// One call, by one peer.
type Call = Box<dyn Fn()>;

fn call<P: Peer + 'static, F>(peer: P, future: fn() -> F) -> Call
where
    F: Future<Output = u32> + Send + 'static,
{
    peer.run(suspends());
    Box::new(move || {
        black_box(peer.run(future()));
    })
}

#[library_benchmark]
#[bench::sideloop(call(Sideloop, ready))]
#[bench::handle_block_on(call(HandleBlockOn::default(), ready))]
#[bench::owned_current_thread(call(Owned::default(), ready))]
fn ready_future(call: Call) -> Call {
    (0..CALLS).for_each(|_| call());
    // Its end is not counted.
    call
}

#[library_benchmark]
#[bench::sideloop(call(Sideloop, suspends))]
#[bench::handle_block_on(call(HandleBlockOn::default(), suspends))]
#[bench::owned_current_thread(call(Owned::default(), suspends))]
fn future_that_suspends(call: Call) -> Call {
    (0..CALLS).for_each(|_| call());
    call
}

library_benchmark_group!(name = calls, benchmarks = [ready_future, future_that_suspends]);

main!(library_benchmark_groups = calls);
