//! What a runner costs from its first call to its end, beside tokio's runtimes.

use std::time::Duration;

use criterion::Criterion;
use sideloop::Runner;
use sideloop_benches::peers::{HandleBlockOn, Owned, Peer, Sideloop};
use sideloop_benches::ratios::compare;

const LIMIT: Duration = Duration::from_secs(10);

async fn waits_for_a_task() -> u64 {
    tokio::spawn(async { 22 }).await.expect("it does not panic")
}

fn main() {
    compare("start", &[], |criterion: &mut Criterion| {
        let mut group = criterion.benchmark_group("new, one call, end");
        group.bench_function(Sideloop::NAME, |bencher| {
            bencher.iter(|| {
                let runner = Runner::new("bench");
                runner.run_sync(waits_for_a_task());
                runner.shutdown(LIMIT).expect("nothing blocks its threads");
            });
        });
        group.bench_function(HandleBlockOn::NAME, |bencher| {
            bencher.iter(|| HandleBlockOn::default().run(waits_for_a_task()));
        });
        group.bench_function(Owned::NAME, |bencher| {
            bencher.iter(|| Owned::default().run(waits_for_a_task()));
        });
        group.finish();
    });
}
