//! A first call where the system has nothing left, made in each way there is: refused at the caller's line, and the
//! next one works.

use std::io::Write;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sideloop::Runner;

use super::Program;
use super::limits::limit_descriptors;
use super::support::{message, work};
use super::threads::{allow, allow_all};

pub(crate) const PROGRAMS: &[Program] = &[
    ("out of threads each way in says so at the caller's line", out_of_threads),
    ("out of threads each way in to the global runner does", out_of_threads_globally),
    ("once its runner runs, no way in needs a thread more but run_sync_apart", needs_no_more),
    ("out of descriptors at each step, a first call leaves nothing open", out_of_descriptors),
];

const LIMIT: Duration = Duration::from_secs(20);
const ONE: NonZero<usize> = NonZero::<usize>::MIN;

/// A way in.
type Way = fn(&Runner);

/// Each in a line of its own, which is what its panic has to name.
#[rustfmt::skip]
const WAYS: &[(&str, u32, Way)] = &[
    ("run_sync", line!(), |runner| assert_eq!(runner.run_sync(work()), 22)),
    ("run_sync, a large future", line!(), |runner| assert_eq!(runner.run_sync(large())[0], 0)),
    ("run_sync_with", line!(), |runner| assert_eq!(runner.run_sync_with(work), 22)),
    ("run_sync_timeout", line!(), |runner| assert_eq!(runner.run_sync_timeout(work(), LIMIT), Ok(22))),
    ("run_sync_with_timeout", line!(), |runner| assert_eq!(runner.run_sync_with_timeout(work, LIMIT), Ok(22))),
    ("enter", line!(), |runner| drop(runner.enter())),
    ("handle", line!(), |runner| drop(runner.handle())),
    ("spawn", line!(), |runner| assert_eq!(runner.spawn(work()).join(), 22)),
    ("scope", line!(), |runner| assert_eq!(runner.scope(|scope| scope.spawn(work()).join()), 22)),
    ("map", line!(), |runner| assert_eq!(runner.map(0..3, ONE, |_| work()).count(), 3)),
    ("unordered", line!(), |runner| assert_eq!(runner.map(0..3, ONE, |_| work()).unordered().count(), 3)),
    ("iter", line!(), |runner| assert_eq!(runner.iter(Once(true)).count(), 1)),
    ("read_ahead", line!(), |runner| assert_eq!(runner.iter(Once(true)).read_ahead(ONE).count(), 1)),
    ("run_sync_apart", line!(), |runner| assert_eq!(runner.run_sync_apart(work), 22)),
    ("inside", line!(), |runner| drop(runner.inside(22))),
    ("blocking", line!(), |runner| runner.blocking(tokio::io::sink()).write_all(b"x").expect("a sink")),
];

/// On the global runner.
#[rustfmt::skip]
const GLOBAL_WAYS: &[(&str, u32, Way)] = &[
    ("run_sync", line!(), |_| assert_eq!(sideloop::run_sync(work()), 22)),
    ("run_sync, a large future", line!(), |_| assert_eq!(sideloop::run_sync(large())[0], 0)),
    ("run_sync_with", line!(), |_| assert_eq!(sideloop::run_sync_with(work), 22)),
    ("run_sync_timeout", line!(), |_| assert_eq!(sideloop::run_sync_timeout(work(), LIMIT), Ok(22))),
    ("run_sync_with_timeout", line!(), |_| assert_eq!(sideloop::run_sync_with_timeout(work, LIMIT), Ok(22))),
    ("enter", line!(), |_| drop(sideloop::enter())),
    ("handle", line!(), |_| drop(sideloop::handle())),
    ("spawn", line!(), |_| assert_eq!(sideloop::spawn(work()).join(), 22)),
    ("scope", line!(), |_| assert_eq!(sideloop::scope(|scope| scope.spawn(work()).join()), 22)),
    ("map", line!(), |_| assert_eq!(sideloop::map(0..3, ONE, |_| work()).count(), 3)),
    ("unordered", line!(), |_| assert_eq!(sideloop::map(0..3, ONE, |_| work()).unordered().count(), 3)),
    ("iter", line!(), |_| assert_eq!(sideloop::iter(Once(true)).count(), 1)),
    ("read_ahead", line!(), |_| assert_eq!(sideloop::iter(Once(true)).read_ahead(ONE).count(), 1)),
    ("run_sync_apart", line!(), |_| assert_eq!(sideloop::run_sync_apart(work), 22)),
    ("inside", line!(), |_| drop(sideloop::inside(22))),
    ("blocking", line!(), |_| sideloop::blocking(tokio::io::sink()).write_all(b"x").expect("a sink")),
];

async fn large() -> [u8; 8192] {
    let held = [0; 8192];
    work().await;
    held
}

/// A stream of one item.
struct Once(bool);

impl futures_core::Stream for Once {
    type Item = ();

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<()>> {
        std::task::Poll::Ready(std::mem::take(&mut self.0).then_some(()))
    }
}

/// Where the last panic of sideloop's was, as the program's hook hears of it.
static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);

fn hear() {
    panic::set_hook(Box::new(|said| {
        let place = said.location().map(|place| (place.file().to_owned(), place.line()));
        if let Ok(mut last) = PLACE.lock() {
            *last = place;
        }
    }));
}

/// Make a first call with no thread to be had.
fn refused(runner: &Runner, (name, line, way): (&str, u32, Way)) {
    allow(0);
    let refused = catch_unwind(AssertUnwindSafe(|| way(runner)));
    allow_all();
    let panic = refused.expect_err(name);
    let said = message(&*panic);
    assert!(said.contains("its runtime could not be started"), "{name}: {said}");
    assert!(said.ends_with("the next call tries again"), "{name}: {said}");
    let place = PLACE.lock().expect("no panic in there").take();
    assert_eq!(place, Some((file!().to_owned(), line)), "{name}");
}

fn out_of_threads() {
    hear();
    for (name, line, way) in WAYS {
        let runner = Runner::new(*name);
        refused(&runner, (name, *line, *way));
        way(&runner);
        runner.shutdown(LIMIT).expect("nothing blocks its threads");
    }
}

fn out_of_threads_globally() {
    hear();
    let unused = Runner::new("unused");
    GLOBAL_WAYS.iter().for_each(|way| refused(&unused, *way));
    GLOBAL_WAYS.iter().for_each(|(_, _, way)| way(&unused));
}

fn needs_no_more() {
    let runner = Runner::new("runs");
    runner.run_sync(work());
    allow(0);
    let others = WAYS.iter().filter(|(name, ..)| *name != "run_sync_apart");
    others.for_each(|(_, _, way)| way(&runner));
    allow_all();
}

fn out_of_descriptors() {
    hear();
    // tokio keeps what it hears of signals with, once that is there.
    assert!(refused_at_each_step(2) > 1, "a runtime needs more than one");
    refused_at_each_step(0);
}

/// Call on new runners, with one descriptor more to be had for each, until that works; say for how many it did not.
fn refused_at_each_step(kept: usize) -> usize {
    let before = open_descriptors();
    for steps in 0.. {
        let runner = Runner::new("steps");
        let most = limit_descriptors((before + steps).try_into().expect("few"));
        let first = catch_unwind(AssertUnwindSafe(|| runner.run_sync(work())));
        limit_descriptors(most);
        let open = open_descriptors();
        let ended = |runner: Runner| {
            runner.shutdown(LIMIT).expect("nothing blocks its threads");
            // Its last thread may be about to close them.
            while open_descriptors() > before + kept {
                thread::yield_now();
            }
        };
        let Err(panic) = first else {
            ended(runner);
            return steps;
        };
        let said = message(&*panic);
        assert!(said.contains("could not be started"), "{said}");
        assert!(open <= before + kept, "{open} are open, before it were {before}: {said}");
        assert_eq!(runner.run_sync(work()), 22);
        ended(runner);
    }
    0
}

fn open_descriptors() -> usize {
    // One is of this very look.
    std::fs::read_dir("/dev/fd").expect("a system that has forks has it").count() - 1
}
