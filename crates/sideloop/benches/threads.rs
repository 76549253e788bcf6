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

/// Fair is where the slowest thread has made at least so much of what the fastest has.
const FAIR: f64 = 0.5;

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

/// How fair it is: of so many threads that call as fast as they can for a second, what the slowest has done of
/// what the fastest has.
fn fairness<P: Peer>(threads: usize, peer: &P) -> f64 {
    let start = Barrier::new(threads);
    let calls: Vec<u64> = thread::scope(|scope| {
        let callers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let began = Instant::now();
                    let mut calls = 0;
                    while began.elapsed() < Duration::from_secs(1) {
                        peer.run(waits_for_a_task());
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("it does not panic")).collect()
    });
    let (least, most) = (calls.iter().min(), calls.iter().max());
    *least.expect("threads") as f64 / *most.expect("threads") as f64
}

fn print_fairness<P: Peer>(peer: &P) {
    for threads in THREADS.into_iter().filter(|threads| *threads > 1) {
        let share = fairness(threads, peer);
        let verdict = if share >= FAIR { "fair" } else { "NOT FAIR" };
        println!(
            "{threads:>3} threads, the slowest's share of the fastest's calls: {:>3.0} %, {verdict}  {}",
            100.0 * share,
            P::NAME
        );
    }
}

fn main() {
    println!();
    print_fairness(&Sideloop);
    print_fairness(&HandleBlockOn::default());
    print_fairness(&DedicatedThread::default());
    compare("threads", &[], |criterion| {
        threads(criterion, &Sideloop);
        threads(criterion, &HandleBlockOn::default());
        threads(criterion, &DedicatedThread::default());
        threads(criterion, &ReqwestsPattern::default());
        threads(criterion, &Pollster::default());
    });
}
