//! Twins of methods: by themselves, in an `impl`, in a `trait`.
#![deny(warnings)]
#![allow(missing_docs, reason = "tests are sentences already")]

use std::future::ready;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use sideloop::synced;

#[derive(Default, Debug, PartialEq)]
struct Log<T, const N: usize = 2> {
    lines: Vec<T>,
}

#[synced]
impl<T: Clone, const N: usize> Log<T, N> {
    const LIMIT: usize = N;

    async fn new(first: T) -> Self {
        Log { lines: vec![first] }
    }

    /// Says neither `self` nor `Self`: only the block tells that it is associated.
    async fn limit() -> usize {
        ready(N).await
    }

    async fn push(&mut self, line: T) -> &mut Self {
        if self.lines.len() < Self::LIMIT {
            self.lines.push(line);
        }
        self
    }

    async fn last<'a>(&'a self, otherwise: &'a T) -> &'a T {
        self.lines.last().unwrap_or(otherwise)
    }

    async fn map<U>(mut self, change: impl Fn(T) -> U) -> Log<U, N> {
        let lines = self.lines.drain(..).map(change).collect();
        Log { lines }
    }

    #[synced(name = count)]
    async fn length(&self) -> usize {
        self.lines.len()
    }

    #[synced(skip)]
    async fn audit(&self) {}

    /// By hand: what is skipped leaves its name free.
    fn audit_sync(&self) -> &'static str {
        drop(self.audit());
        "audited"
    }

    async fn private_and_unused(&self) {}
}

#[test]
fn every_async_fn_of_an_impl_has_a_twin() {
    let mut log = Log::<_, 3>::new_sync(1);
    log.push_sync(2).push_sync(3).push_sync(4);
    assert_eq!(Log::<i32, 3>::limit_sync(), 3);
    assert_eq!(*log.last_sync(&0), 3);
    assert_eq!(log.count(), 3);
    assert_eq!(log.audit_sync(), "audited");
    drop(log.private_and_unused());
    assert_eq!(log.map_sync(|n| n.to_string()).lines, ["1", "2", "3"]);
}

struct Page(u8);

impl Page {
    #[synced]
    async fn open() -> Self {
        Page(1)
    }

    #[synced]
    async fn by_value(self) -> u8 {
        self.0
    }

    #[synced]
    async fn by_mutable_value(mut self) -> u8 {
        self.0 += 1;
        self.0
    }

    #[synced]
    async fn by_reference(&self) -> &u8 {
        &self.0
    }

    #[synced]
    async fn by_mutable_reference(&mut self) -> &mut u8 {
        &mut self.0
    }

    #[synced]
    async fn boxed(self: Box<Self>) -> u8 {
        self.0
    }

    #[synced]
    async fn counted(self: Rc<Self>) -> u8 {
        self.0
    }

    #[synced]
    async fn borrowed(self: &Arc<Self>) -> u8 {
        self.0
    }

    #[synced]
    async fn pinned(mut self: Pin<&mut Self>) -> u8 {
        self.0 += 1;
        self.0
    }
}

#[test]
fn a_method_may_take_self_in_any_way() {
    assert_eq!(Page::open_sync().by_value_sync(), 1);
    assert_eq!(Page(1).by_mutable_value_sync(), 2);
    assert_eq!(*Page(1).by_reference_sync(), 1);
    *Page(1).by_mutable_reference_sync() += 1;
    assert_eq!(Box::new(Page(1)).boxed_sync(), 1);
    assert_eq!(Rc::new(Page(1)).counted_sync(), 1);
    assert_eq!(Arc::new(Page(1)).borrowed_sync(), 1);
    assert_eq!(Pin::new(&mut Page(1)).pinned_sync(), 2);
}

#[synced]
trait Load {
    type Item;

    async fn load(&self) -> Self::Item;

    async fn load_both(&self) -> (Self::Item, Self::Item) {
        (self.load().await, self.load().await)
    }

    fn name(&self) -> &str;
}

impl Load for Page {
    type Item = u8;

    async fn load(&self) -> u8 {
        self.0
    }

    fn name(&self) -> &str {
        "page"
    }
}

trait Store {
    #[synced(name = store_now)]
    async fn store(&mut self, value: u8);
}

impl Store for Page {
    async fn store(&mut self, value: u8) {
        self.0 = value;
    }
}

#[test]
fn in_a_trait_every_implementation_has_the_twins() {
    fn load<L: Load>(from: &L) -> L::Item {
        from.load_sync()
    }
    let mut page = Page(3);
    page.store_now(4);
    assert_eq!((load(&page), page.load_both_sync(), page.name()), (4, (4, 4), "page"));
}
