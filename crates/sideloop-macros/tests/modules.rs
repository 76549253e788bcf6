//! The blocking counterpart of a module.
#![deny(warnings)]
#![allow(missing_docs, reason = "tests are sentences already")]
#![allow(unreachable_pub, reason = "modules as libraries have them")]

use std::sync::atomic::{AtomicUsize, Ordering};

use sideloop::synced;

static DROPPED_INSIDE: AtomicUsize = AtomicUsize::new(0);

#[synced]
mod client {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::atomic::Ordering;
    use std::task::{Context, Poll};

    use futures_core::Stream;
    use tokio::task::yield_now;

    /// Says what went wrong.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Wrong(pub u32);

    /// Has async methods.
    #[derive(Debug)]
    pub struct Client {
        pub name: String,
    }

    /// Has one, too, and borrows.
    #[derive(Debug)]
    pub struct Session<'c> {
        client: &'c mut Client,
    }

    /// Has none.
    pub struct Settings {
        pub name: &'static str,
    }

    impl Client {
        /// Connects.
        pub async fn connect(settings: &Settings) -> Result<Self, Wrong> {
            yield_now().await;
            if settings.name.is_empty() {
                return Err(Wrong(22));
            }
            Ok(Self { name: settings.name.to_owned() })
        }

        pub fn named(name: &str) -> Self {
            Self { name: name.to_owned() }
        }

        pub async fn get<T: From<u32>>(&self, numbers: [u32; 2]) -> T {
            yield_now().await;
            T::from(numbers[0] + numbers[1])
        }

        pub async fn rename(&mut self, name: String) {
            self.name = name;
        }

        pub async fn session(&mut self) -> Option<Session<'_>> {
            Some(Session { client: self })
        }

        pub async fn merge(self, other: Client, more: &mut Client) -> Vec<Client> {
            more.name.push('!');
            vec![self, other]
        }

        pub fn count(&self) -> impl Stream<Item = u32> + use<> {
            Countdown(self.name.len() as u32)
        }

        pub fn length(&self) -> usize {
            self.name.len()
        }

        #[synced(skip)]
        #[expect(dead_code, reason = "it has no counterpart")]
        pub async fn skipped(&self) {}

        async fn private(&self) {}

        pub async fn uses_it(&self) {
            self.private().await;
        }
    }

    impl Drop for Client {
        fn drop(&mut self) {
            if tokio::runtime::Handle::try_current().is_ok() {
                super::DROPPED_INSIDE.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    impl Session<'_> {
        pub async fn close(self) -> usize {
            yield_now().await;
            self.client.name.len()
        }
    }

    struct Countdown(u32);

    impl Stream for Countdown {
        type Item = u32;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
            self.0 = self.0.saturating_sub(1);
            Poll::Ready((self.0 > 0).then_some(self.0))
        }
    }

    pub async fn first(client: &Client) -> Option<char> {
        poll_fn(|_| Poll::Ready(client.name.chars().next())).await
    }

    pub fn sync_already() -> u32 {
        22
    }
}

use client::blocking::{Client, first};
use client::{Settings, Wrong};

#[test]
fn its_functions_and_methods_have_the_same_names_and_wait() {
    let mut client = Client::connect(&Settings { name: "name" }).expect("it has a name");
    assert_eq!(client.get::<u64>([10, 12]), 22);
    client.rename(String::from("other"));
    assert_eq!(first(&client), Some('o'));
    client.uses_it();
    assert_eq!(client::sync_already(), 22);
}

#[test]
fn an_error_comes_as_it_is() {
    assert_eq!(Client::connect(&Settings { name: "" }).err(), Some(Wrong(22)));
}

#[test]
fn what_is_sync_and_what_is_public_is_the_wrapped_ones() {
    let client = Client::named("name");
    assert_eq!((client.length(), client.name.as_str()), (4, "name"));
    let client: client::Client = client.into_async();
    let client = Client::from(client);
    assert_eq!(client.length(), 4);
}

#[test]
fn wrappers_are_taken_and_given() {
    let mut client = Client::named("name");
    let session = client.session().expect("there is one");
    assert_eq!(session.close(), 4);
    let mut more = Client::named("more");
    let merged = client.merge(Client::named("second"), &mut more);
    let lengths: Vec<_> = merged.iter().map(|client| client.length()).collect();
    assert_eq!((lengths, more.name.as_str()), (vec![4, 6], "more!"));
}

#[test]
fn streams_are_iterators() {
    assert_eq!(Client::named("name").count().collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn wrapped_ones_are_dropped_inside() {
    let before = DROPPED_INSIDE.load(Ordering::SeqCst);
    drop(Client::named("name"));
    assert!(DROPPED_INSIDE.load(Ordering::SeqCst) > before);
}

#[synced(timeout = std::time::Duration::from_millis(5))]
mod hasty {
    pub struct Client;

    impl Client {
        pub async fn connect() -> Client {
            Client
        }

        pub async fn never(&self) {
            std::future::pending::<()>().await;
        }
    }
}

#[test]
fn a_limit_for_the_module_is_each_calls() {
    let client = hasty::blocking::Client::connect().expect("in time");
    assert!(client.never().is_err());
}

mod by_its_impl {
    use sideloop::synced;

    /// Holds what it is asked for.
    #[derive(Debug)]
    pub struct Shelf<'a, T: Copy> {
        of: &'a [T],
    }

    #[synced(blocking)]
    impl<'a, T: Copy> Shelf<'a, T> {
        /// Opens one.
        pub async fn open(of: &'a [T]) -> Self {
            tokio::task::yield_now().await;
            Self { of }
        }

        /// Takes from another one, too.
        pub async fn take(&self, at: usize, other: &Shelf<'a, T>) -> Option<(T, T)> {
            tokio::task::yield_now().await;
            Some((*self.of.get(at)?, *other.of.get(at)?))
        }

        /// How many there are.
        pub fn len(&self) -> usize {
            self.of.len()
        }

        #[synced(skip)]
        #[expect(dead_code, reason = "it has no counterpart")]
        pub async fn skipped(&self) {}
    }

    pub mod inner {
        pub(crate) struct Hidden(pub(crate) u32);

        #[sideloop::synced(blocking = pub(crate), timeout = std::time::Duration::from_secs(20))]
        impl Hidden {
            pub async fn get(&self) -> u32 {
                tokio::task::yield_now().await;
                self.0
            }
        }
    }
}

#[test]
fn an_impl_alone_has_a_module_too() {
    let numbers = [1, 2];
    let shelf = by_its_impl::blocking::Shelf::open(&numbers);
    let other = by_its_impl::blocking::Shelf::open(&[3, 4]);
    assert_eq!((shelf.take(1, &other), shelf.take(2, &other)), (Some((2, 4)), None));
    assert_eq!(shelf.into_async().len(), 2);
}

#[test]
fn a_type_that_not_all_may_see_has_one_that_not_all_may_see() {
    use by_its_impl::inner::{Hidden, blocking};
    assert_eq!(blocking::Hidden::from(Hidden(22)).get().ok(), Some(22));
}
