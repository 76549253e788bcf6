//! What the attribute is asked for: a runner, a limit, another path to the crate; conditions.
#![deny(warnings)]
#![allow(missing_docs, reason = "tests are sentences already")]

use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::time::Duration;

use sideloop::{Runner, TimedOut, synced};

static RUNNER: Runner = Runner::const_new("asked for");

async fn runner() -> Option<String> {
    tokio::runtime::Handle::current().name().map(str::to_owned)
}

#[synced(runner = RUNNER)]
async fn on_a_static() -> Option<String> {
    runner().await
}

struct Client {
    runner: Runner,
}

#[synced(runner = self.runner, timeout = Duration::from_millis(5))]
impl Client {
    async fn name(&self) -> Option<String> {
        runner().await
    }

    async fn never(&self) {
        pending::<()>().await;
    }

    #[synced(name = with_more_time, timeout = Duration::from_secs(20))]
    async fn late(&self) -> u32 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        22
    }
}

#[test]
fn the_twin_calls_on_the_runner_that_was_asked_for() {
    assert_eq!(on_a_static_sync().as_deref(), Some("asked for"));
    let client = Client { runner: Runner::new("a client's") };
    assert_eq!(client.name_sync().expect("in time").as_deref(), Some("a client's"));
}

#[test]
fn the_twin_has_the_limit_that_was_asked_for_and_names_its_callers_place() {
    let client = Client { runner: Runner::new("a client's") };
    let late: TimedOut = client.never_sync().expect_err("it is never ready");
    assert_eq!((late.limit(), late.runner()), (Duration::from_millis(5), "a client's"));
    assert_eq!(late.place().file(), file!());
    assert_eq!(client.with_more_time().ok(), Some(22));
}

mod elsewhere {
    pub(crate) mod renamed {
        pub(crate) use sideloop::*;
    }
}

#[synced(crate = crate::elsewhere::renamed, timeout = Duration::from_secs(20))]
async fn through_another_path() -> u32 {
    22
}

#[test]
fn the_crate_is_where_it_was_said_to_be() {
    assert_eq!(through_another_path_sync().ok(), Some(22));
}

#[synced]
fn named(length: usize) -> impl Future<Output = usize> + Send {
    // Made where a runtime is entered.
    let sleep = tokio::time::sleep(Duration::from_millis(1));
    async move {
        sleep.await;
        length
    }
}

#[synced(timeout = Duration::from_secs(20))]
fn boxed(word: &str) -> Pin<Box<dyn Future<Output = usize> + '_>> {
    Box::pin(ready(word.len()))
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Words(Vec<String>);

#[synced]
impl Words {
    fn count(&self) -> BoxFuture<'_, usize> {
        Box::pin(ready(self.0.len()))
    }

    fn first(&self) -> impl Future<Output = Option<&str>> {
        ready(self.0.first().map(String::as_str))
    }

    /// Not async: it has no twin.
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[synced]
trait Load {
    fn load(&self) -> impl Future<Output = u32>;
}

impl Load for u32 {
    fn load(&self) -> impl Future<Output = u32> {
        ready(*self)
    }
}

#[test]
fn what_returns_a_future_has_a_twin_as_an_async_fn_has() {
    assert_eq!(named_sync(22), 22);
    assert_eq!(boxed_sync("word").ok(), Some(4));
    let words = Words(vec![String::from("a")]);
    assert_eq!((words.count_sync(), words.first_sync(), words.is_empty()), (1, Some("a"), false));
    assert_eq!(22.load_sync(), 22);
}

#[cfg_attr(all(), synced)]
async fn outside() -> u32 {
    1
}

#[cfg_attr(any(), synced)]
async fn not_outside() -> u32 {
    2
}

fn not_outside_sync() -> u32 {
    3
}

struct Page;

#[cfg_attr(all(), synced)]
impl Page {
    #[cfg_attr(all(), synced(skip))]
    async fn skipped(&self) -> u32 {
        1
    }

    fn skipped_sync(&self) -> u32 {
        2
    }

    #[cfg_attr(any(), synced(skip))]
    async fn not_skipped(&self) -> u32 {
        3
    }

    #[cfg_attr(all(), synced(name = other), allow(clippy::unused_async, reason = "it has a condition"))]
    #[cfg_attr(any(), synced(name = another))]
    async fn named(&self) -> u32 {
        4
    }
}

#[test]
fn each_may_have_a_condition() {
    assert_eq!((outside_sync(), not_outside_sync()), (1, 3));
    assert_eq!(sideloop::run_sync(not_outside()), 2);
    assert_eq!((Page.skipped_sync(), Page.not_skipped_sync(), Page.other()), (2, 3, 4));
    assert_eq!(sideloop::run_sync(Page.skipped()), 1);
}
