//! The functions that need no runner of one's own: they use the global one.

use std::num::NonZero;
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::runtime::Handle;

use crate::error::refuse;
use crate::slot::Way;
use crate::{Blocking, Entered, Inside, Iter, Map, Scope, Task, TimedOut, global};

/// Run a future to its end and return its output. Blocks the calling thread, which polls the future.
///
/// The future may borrow, and need not be `Send` or `'static`. It sees the global runner's tokio runtime:
/// I/O, timers and `tokio::spawn` work in it, and what it spawns goes on between calls.
///
/// An async function, an `async` block: those make what they need once they are polled, inside. What needs
/// the runtime when it is *made* is for [`run_sync_with`]: the argument of `run_sync(tokio::time::sleep(d))` is made
/// before `run_sync` is called, outside, where tokio panics ("there is no reactor running"), or, inside of a
/// `current_thread` runtime, belongs to that runtime, which the call blocks. Write
/// `run_sync_with(|| tokio::time::sleep(d))`, or `run_sync(async { tokio::time::sleep(d).await })`.
///
/// The future is dropped inside too, whatever happens. What it returns is yours: see [`enter`].
///
/// ```
/// let words = vec!["to", "a", "slice"];
/// let borrowed = &words;
/// let count = sideloop::run_sync(async move {
///     tokio::task::yield_now().await;
///     borrowed.len()
/// });
/// assert_eq!(count, words.len());
/// ```
///
/// # Panics
/// A panic of the future goes on in the caller, with its payload. Otherwise, with a message that says
/// what to do: if calls are nested too deep ([`Builder::nesting_limit`](crate::Builder::nesting_limit)); if
/// the runtime cannot be started (the next call tries again); in a thread-local's destructor after
/// tokio's own thread-locals are gone; in a fork's child, in a call that began in the parent.
#[inline]
#[track_caller]
pub fn run_sync<F: Future>(future: F) -> F::Output {
    // As `Runner::run_sync`, whose frame would hold the future once more.
    let runner = global::current();
    match Way::<F>::DRIVE(future, runner.terms(None)) {
        Ok(output) => output,
        Err(refusal) => refuse(runner.name(), &refusal),
    }
}

/// Make a future with the global runner's runtime entered, and run it to its end. Blocks the calling thread,
/// which makes and polls the future.
///
/// The form that cannot go wrong: what needs a runtime when it is made, a timer for instance, finds it.
///
/// ```
/// use std::time::Duration;
///
/// sideloop::run_sync_with(|| tokio::time::sleep(Duration::from_millis(1)));
/// ```
///
/// # Panics
/// As [`run_sync`], and with a panic of `make`.
#[inline]
#[track_caller]
pub fn run_sync_with<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    global::current().run_sync_with(make)
}

/// [`run_sync`] with a limit on the wait. When the limit is over, the future is dropped.
///
/// The wait itself ends, not a timer inside some event loop: the limit holds also when what the future
/// waits for is blocked, be it by this very call. Only a future that never returns from a poll cannot
/// be left.
///
/// ```
/// use std::time::Duration;
///
/// let late = sideloop::run_sync_timeout(std::future::pending::<()>(), Duration::from_millis(5));
/// assert!(late.is_err());
/// ```
///
/// # Errors
/// [`TimedOut`], which names the place of the call.
///
/// # Panics
/// As [`run_sync`].
#[inline]
#[track_caller]
pub fn run_sync_timeout<F: Future>(future: F, limit: Duration) -> Result<F::Output, TimedOut> {
    // As `run_sync` has it.
    let runner = global::current();
    match Way::<F>::DRIVE(future, runner.terms(Instant::now().checked_add(limit))) {
        Ok(output) => Ok(output),
        Err(refusal) => Err(runner.late(&refusal, limit)),
    }
}

/// [`run_sync_with`] with a limit on the wait, as [`run_sync_timeout`] has it.
///
/// ```
/// use std::time::Duration;
///
/// let (long, short) = (Duration::from_secs(60), Duration::from_millis(5));
/// let late = sideloop::run_sync_with_timeout(|| tokio::time::sleep(long), short);
/// assert_eq!(late.unwrap_err().limit(), short);
/// ```
///
/// # Errors
/// [`TimedOut`], which names the place of the call.
///
/// # Panics
/// As [`run_sync_with`].
#[inline]
#[track_caller]
pub fn run_sync_with_timeout<F: Future>(
    make: impl FnOnce() -> F,
    limit: Duration,
) -> Result<F::Output, TimedOut> {
    global::current().run_sync_with_timeout(make, limit)
}

/// Enter the global runner's runtime on this thread until the guard is dropped. Does not block.
///
/// For what needs a runtime where it is *dropped*, outside of any call: a connection that a call has returned
/// goes back to its pool in a task that its `Drop` spawns.
///
/// ```
/// use std::time::Duration;
///
/// let _entered = sideloop::enter();
/// let timer = tokio::time::sleep(Duration::from_millis(1)); // needs a runtime here
/// sideloop::run_sync(timer);
/// ```
///
/// # Panics
/// If the runtime cannot be started, and in a thread-local's destructor after tokio's own thread-locals are
/// gone.
#[track_caller]
pub fn enter() -> Entered<'static> {
    global::current().enter()
}

/// Start a future on the global runner's threads. Does not block.
///
/// ```
/// let task = sideloop::spawn(async { 22 });
/// assert_eq!(task.join(), 22);
/// ```
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    global::current().spawn(future)
}

/// Run a scope: tasks on the global runner's threads that may borrow from the caller. Blocks the calling thread
/// until `body` has returned and all tasks have ended.
///
/// ```
/// let words = vec![String::from("a"), String::from("b")];
/// let lengths = sideloop::scope(|scope| {
///     let tasks: Vec<_> = words.iter().map(|word| scope.spawn(async { word.len() })).collect();
///     tasks.into_iter().map(|task| task.join()).sum::<usize>()
/// });
/// assert_eq!(lengths, 2);
/// ```
///
/// If `body` panics, the tasks are cancelled and waited for, and the panic goes on. A task that blocks its thread
/// is waited for as long as it does: what it borrows must stay.
///
/// # Panics
/// With the panic of a task that was not joined; if the runtime cannot be started; and in a fork's child that
/// the scope was entered before.
#[track_caller]
pub fn scope<'env, T>(body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T) -> T {
    global::current().scope(body)
}

/// Make a future on a thread of the global runner, run it to its end there, and return its output. Blocks the
/// calling thread.
///
/// For the rare context in which [`run_sync`] cannot poll on the calling thread: a `LocalSet` or a
/// `FuturesUnordered` whose futures yield, inside of a `current_thread` runtime. The thread is one of
/// `spawn_blocking`, where everything works. What goes there and comes back must be `Send`; the future, which
/// is made there, need not be, and may borrow.
///
/// ```
/// use std::rc::Rc;
/// use tokio::task::{LocalSet, spawn_local, yield_now};
///
/// let start = 11;
/// let answer = sideloop::run_sync_apart(|| async {
///     let local = LocalSet::new();
///     let shared = Rc::new(start);
///     local.run_until(async {
///         let task = spawn_local(async move {
///             yield_now().await;
///             2 * *shared
///         });
///         task.await.unwrap()
///     }).await
/// });
/// assert_eq!(answer, 22);
/// ```
///
/// # Panics
/// As [`run_sync_with`], and if no thread can be had.
#[track_caller]
pub fn run_sync_apart<F: Future<Output: Send>>(make: impl FnOnce() -> F + Send) -> F::Output {
    global::current().run_sync_apart(make)
}

/// Call an async function for each of many inputs, at most `at_once` at a time, on the global runner's threads,
/// and iterate over the outputs in the order of the inputs ([`Map::unordered`]: as they come).
///
/// Starts nothing before the first `next`; then `next` blocks the calling thread until an output is there.
/// Inputs are taken by `next` alone, and only while fewer than `at_once` calls run or wait to be taken. Dropped,
/// it cancels what runs.
///
/// ```
/// use std::num::NonZero;
///
/// let at_once = NonZero::new(8).unwrap();
/// let squares = sideloop::map(1..=3, at_once, |n| async move { n * n });
/// assert_eq!(squares.collect::<Vec<_>>(), [1, 4, 9]);
/// ```
///
/// # Panics
/// Here if the runtime cannot be started, in `next` with the panic of a call, and as [`run_sync`].
#[track_caller]
pub fn map<I, A, F>(inputs: I, at_once: NonZero<usize>, async_fn: A) -> Map<I::IntoIter, A, F>
where
    I: IntoIterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    global::current().map(inputs, at_once, async_fn)
}

/// A value that is dropped with the global runner's runtime entered, wherever that happens. Does not block.
///
/// ```
/// // A pooled connection, say, which goes back to its pool in a task that its `Drop` spawns.
/// struct Connection;
///
/// impl Drop for Connection {
///     fn drop(&mut self) {
///         tokio::spawn(async { /* back to the pool */ });
///     }
/// }
///
/// let connection = sideloop::inside(sideloop::run_sync(async { Connection }));
/// drop(connection); // outside of any call
/// ```
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
pub fn inside<T>(value: T) -> Inside<T> {
    global::current().inside(value)
}

/// Read, write and seek with std's traits on what has tokio's. Each operation blocks the calling thread, which
/// does it.
///
/// ```
/// use std::io::{BufRead, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (here, there) = tokio::io::duplex(64);
/// let mut there = sideloop::blocking(there);
/// writeln!(there, "a line")?;
/// let mut here = sideloop::blocking(tokio::io::BufReader::new(here));
/// let mut line = String::new();
/// here.read_line(&mut line)?;
/// assert_eq!(line, "a line\n");
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
pub fn blocking<T>(io: T) -> Blocking<T> {
    global::current().blocking(io)
}

/// Iterate over a stream; each `next` blocks the calling thread, which polls the stream.
///
/// Any stream: pass it by value, or `&mut stream` to go on with it later.
///
/// # Panics
/// Here if the runtime cannot be started, in `next` as [`run_sync`].
#[track_caller]
pub fn iter<S: Stream>(stream: S) -> Iter<S> {
    global::current().iter(stream)
}

/// The global runner's tokio handle, for everything that tokio offers.
///
/// # Panics
/// If the runtime cannot be started.
#[track_caller]
#[must_use]
pub fn handle() -> Handle {
    global::current().handle()
}
