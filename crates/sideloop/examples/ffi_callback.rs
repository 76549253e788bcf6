//! A C library calls back, and the callback calls async code: C's `qsort` sorts by prices that an async
//! task knows.

use std::ffi::{c_int, c_void};
use std::process::abort;
use std::sync::OnceLock;

use sideloop::run_sync;
use tokio::sync::{mpsc, oneshot};

/// A question to the task that knows the prices: which fruit, and where to answer.
type Question = (&'static str, oneshot::Sender<u32>);

static PRICES: OnceLock<mpsc::Sender<Question>> = OnceLock::new();

async fn price(fruit: &'static str) -> Option<u32> {
    let (sender, answer) = oneshot::channel();
    PRICES.get()?.send((fruit, sender)).await.ok()?;
    answer.await.ok()
}

unsafe extern "C" {
    fn qsort(
        elements: *mut c_void,
        count: usize,
        size: usize,
        compare: extern "C" fn(*const c_void, *const c_void) -> c_int,
    );
}

async fn answer(mut questions: mpsc::Receiver<Question>) {
    while let Some((fruit, sender)) = questions.recv().await {
        let price = fruit.bytes().map(u32::from).sum::<u32>() % 100;
        let _ = sender.send(price);
    }
}

/// What C calls. A panic that leaves it aborts; so does a price that nobody knows.
extern "C" fn by_price(left: *const c_void, right: *const c_void) -> c_int {
    // SAFETY: `qsort` passes pointers to two elements of the array that it was given.
    let [left, right] = [left, right].map(|fruit| unsafe { *fruit.cast::<&'static str>() });
    match run_sync(async { (price(left).await, price(right).await) }) {
        (Some(left), Some(right)) => left.cmp(&right) as c_int,
        (None, _) | (_, None) => abort(),
    }
}

fn main() {
    let (sender, questions) = mpsc::channel(8);
    PRICES.set(sender).expect("set once");
    sideloop::spawn(answer(questions)).detach();

    let mut fruits = ["apple", "banana", "cherry", "date", "elderberry", "fig", "grape"];
    // SAFETY: pointer, count and size are those of the array, and `by_price` reads its elements only.
    unsafe {
        qsort(fruits.as_mut_ptr().cast(), fruits.len(), size_of::<&str>(), by_price);
    }

    let prices: Vec<_> = fruits.into_iter().map(|fruit| run_sync(price(fruit))).collect();
    println!("{fruits:?}, at {prices:?}");
    assert!(prices.is_sorted());
}
