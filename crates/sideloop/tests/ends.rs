//! A runtime or a runner ends while calls wait on it: each of them ends, too, and says so.

mod support;

use std::future::pending;
use std::io::Read;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use sideloop::{Runner, run_sync};
use support::{ends, message, root, runtime, work};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinError;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(1000);

const ONE: NonZero<usize> = NonZero::<usize>::MIN;

/// A wait that nothing ends but the end of its runtime. It sends when it begins.
type Wait = fn(&Runner, Sender<()>);

const WAITS: &[(&str, Wait)] = &[
    ("for a timer", |runner, begins| gives_nothing(runner.run_sync(late(begins)))),
    ("for a timer, with a limit", |runner, begins| {
        gives_nothing(runner.run_sync_timeout(late(begins), LONG));
    }),
    ("for a socket", |runner, begins| {
        let read = runner.run_sync(async {
            let (_there, mut here) = connected().await;
            begin(&begins);
            here.read_u8().await
        });
        assert!(read.is_err(), "nobody has sent anything");
    }),
    ("for a socket, by std's trait", |runner, begins| {
        let (_there, here) = runner.run_sync(connected());
        let mut here = runner.blocking(here);
        begin(&begins);
        assert!(here.read(&mut [0]).is_err(), "nobody has sent anything");
    }),
    ("for a task of tokio's", |runner, begins| {
        let task = runner.run_sync(async {
            let task = tokio::spawn(pending::<()>());
            begin(&begins);
            task.await
        });
        assert!(task.is_err_and(|error| error.is_cancelled()));
    }),
    ("for a task", |runner, begins| gives_nothing(runner.spawn(never(begins)).join())),
    ("for the tasks of a scope", |runner, begins| {
        runner.scope(|scope| drop(scope.spawn(never(begins))));
    }),
    ("for a task of a scope", |runner, begins| {
        runner.scope(|scope| gives_nothing(scope.spawn(never(begins)).join()));
    }),
    ("for an item", |runner, begins| gives_nothing(runner.iter(Late::new(begins)).next())),
    ("for an item that is read ahead", |runner, begins| {
        gives_nothing(runner.iter(Late::new(begins)).read_ahead(ONE).next());
    }),
    ("for an output", |runner, begins| gives_nothing(runner.map([begins], ONE, never).next())),
    ("for an output in no order", |runner, begins| {
        gives_nothing(runner.map([begins], ONE, never).unordered().next());
    }),
    ("for what runs apart", |runner, begins| {
        gives_nothing(runner.run_sync_apart(|| late(begins)));
    }),
    ("in a call in a call", |runner, begins| {
        gives_nothing(runner.run_sync(async { runner.run_sync(late(begins)) }));
    }),
    ("inside of a current_thread runtime", |runner, begins| {
        gives_nothing(root(&runtime(0), async { runner.run_sync(late(begins)) }));
    }),
    ("on a worker thread", |runner, begins| {
        let runner = Runner::from(runner.handle());
        let called = root(&runtime(1), task(move || runner.run_sync(late(begins))));
        gives_nothing(called.unwrap_or_else(|error| resume_unwind(error.into_panic())));
    }),
];

/// What ends so must not look like an output, an item or the end of a stream.
fn gives_nothing<T>(_: T) {
    unreachable!("nothing had come")
}

async fn task(call: impl FnOnce() -> u32 + Send + 'static) -> Result<u32, JoinError> {
    tokio::spawn(async { call() }).await
}

fn begin(begins: &Sender<()>) {
    let _ = begins.send(());
}

async fn late(begins: Sender<()>) -> u32 {
    let begun = Instant::now();
    begin(&begins);
    tokio::time::sleep(LONG).await;
    // A runtime that ends fires its timers, and says so to who asks one. Who has asked whether it ends just before that,
    // and the timer just after, finds that its time is over.
    assert!(begun.elapsed() >= LONG, "the timer has fired early, its runtime being shutdown");
    22
}

async fn never(begins: Sender<()>) -> u32 {
    begin(&begins);
    pending().await
}

/// A connection on this machine, whose other end says nothing.
async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let (there, here) = tokio::join!(listener.accept(), TcpStream::connect(address));
    (there.expect("it is accepted").0, here.expect("it is connected"))
}

/// A stream whose first item is late.
struct Late(Pin<Box<dyn Future<Output = u32> + Send>>);

impl Late {
    fn new(begins: Sender<()>) -> Self {
        Self(Box::pin(late(begins)))
    }
}

impl futures_core::Stream for Late {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<u32>> {
        self.0.as_mut().poll(context).map(Some)
    }
}

/// Let each wait begin on a runner that `made` makes, end what it waits on with `end`, and look what came of it.
fn each_ends<O>(made: fn() -> (Arc<Runner>, O), end: fn(&Runner, O)) {
    for (name, wait) in WAITS {
        let ((runner, owner), (begins, begun)) = (made(), channel());
        let waits = thread::spawn({
            let runner = Arc::clone(&runner);
            move || catch_unwind(AssertUnwindSafe(|| wait(&runner, begins)))
        });
        begun.recv().expect(name);
        end(&runner, owner);
        if let Err(panic) = waits.join().expect("it is caught") {
            let said = message(&*panic);
            // tokio's own where a timer is asked after the end of its runtime.
            let ours = said.contains("the runner has ended");
            assert!(ours || said.contains("being shutdown"), "{name}: {said}");
        }
        assert_eq!(run_sync(work()), 22, "{name}: others are as before");
    }
}

#[test]
fn a_wait_ends_when_its_runner_is_closed() {
    ends(|| {
        each_ends(
            || (Arc::new(Runner::new("closed meanwhile")), ()),
            |runner, ()| runner.close(Duration::from_secs(20)).expect("nothing blocks its threads"),
        );
    });
}

#[test]
fn a_wait_ends_when_the_runtime_that_its_runner_was_given_is_dropped() {
    ends(|| {
        each_ends(
            || {
                let theirs = runtime(1);
                (Arc::new(Runner::from(theirs.handle().clone())), theirs)
            },
            |_, theirs| drop(theirs),
        );
    });
}
