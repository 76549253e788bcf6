//! Many threads that call at once: what one call costs when 1 to 64 threads make them, in time by the
//! clock for one call of each.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use sideloop_benches::peers::{
    DedicatedThread, HandleBlockOn, Peer, Pollster, ReqwestsPattern, Sideloop,
};
use sideloop_benches::ratios::compare;

const THREADS: [usize; 4] = [1, 4, 16, 64];

async fn waits_for_a_task() -> u64 {
    tokio::spawn(async { 22 }).await.expect("it does not panic")
}

fn time_of(threads: usize, calls: u64, peer: &impl Peer) -> Duration {
    let start = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..calls {
                        peer.run(waits_for_a_task());
                    }
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        callers.into_iter().for_each(|caller| caller.join().expect("it does not panic"));
        began.elapsed()
    })
}

fn threads<P: Peer>(criterion: &mut Criterion, peer: &P) {
    let mut group = criterion.benchmark_group("waits_for_a_task");
    for threads in THREADS {
        let id = BenchmarkId::new(P::NAME, format!("{threads} threads"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|calls| time_of(threads, calls, peer));
        });
    }
    group.finish();
}

fn main() {
    compare("threads", &[], |criterion| {
        threads(criterion, &Sideloop);
        threads(criterion, &HandleBlockOn::default());
        threads(criterion, &DedicatedThread::default());
        threads(criterion, &ReqwestsPattern::default());
        threads(criterion, &Pollster::default());
    });
}
