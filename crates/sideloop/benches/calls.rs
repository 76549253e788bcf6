//! What a call costs: a future that is ready, one that suspends once, one that waits for a task; from
//! outside any runtime and from inside a worker.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use sideloop_benches::peers::{
    BlockInPlace, DedicatedThread, HandleBlockOn, Owned, Peer, Pollster, ReqwestsPattern, Sideloop,
    multi_thread,
};
use sideloop_benches::ratios::{Claim, compare};
use sideloop_benches::worker::time_inside;

async fn ready() -> u64 {
    black_box(22)
}

async fn suspends() -> u64 {
    tokio::task::yield_now().await;
    black_box(22)
}

async fn waits_for_a_task() -> u64 {
    tokio::spawn(ready()).await.expect("it does not panic")
}

/// Bench one peer with one future, as row of one group.
macro_rules! outside {
    ($criterion:ident, $($future:ident: $($peer:expr),+;)+) => {
        $({
            let mut group = $criterion.benchmark_group(concat!(stringify!($future), ", outside"));
            $(outside_one(&mut group, &$peer, $future);)+
            group.finish();
        })+
    };
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn outside_one<P: Peer, F>(group: &mut Group<'_>, peer: &P, future: fn() -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    group.bench_function(P::NAME, |bencher| bencher.iter(|| peer.run(future())));
}

fn inside_one<P: Peer + Send + 'static, F>(group: &mut Group<'_>, peer: P, future: fn() -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = multi_thread();
    let peer = Arc::new(peer);
    group.bench_function(P::NAME, |bencher| {
        bencher.iter_custom(|times| {
            let peer = Arc::clone(&peer);
            time_inside(&runtime, times, move || {
                black_box(peer.run(future()));
            })
        });
    });
}

fn inside<F>(criterion: &mut Criterion, name: &str, future: fn() -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut group = criterion.benchmark_group(name);
    inside_one(&mut group, Sideloop, future);
    inside_one(&mut group, BlockInPlace, future);
    inside_one(&mut group, DedicatedThread::default(), future);
    group.finish();
}

fn main() {
    let claims = [
        Claim { group: "ready, outside", peer: HandleBlockOn::NAME, at_most: 1.3 },
        Claim { group: "ready, outside", peer: DedicatedThread::NAME, at_most: 1.0 / 20.0 },
    ];
    compare("calls", &claims, |criterion: &mut Criterion| {
        let handle = HandleBlockOn::default();
        let owned = Owned::default();
        let dedicated = DedicatedThread::default();
        let reqwests = ReqwestsPattern::default();
        let pollster = Pollster::default();
        outside! { criterion,
            ready: Sideloop, handle, owned, dedicated, reqwests, pollster;
            suspends: Sideloop, handle, owned, dedicated, reqwests, pollster;
            waits_for_a_task: Sideloop, handle, owned, dedicated, reqwests, pollster;
        }

        inside(criterion, "ready, inside a worker", ready);
        // `block_in_place` spawns on the very runtime, one of whose two workers is on another thread by then.
        inside(criterion, "waits_for_a_task, inside a worker", waits_for_a_task);
    });
}
