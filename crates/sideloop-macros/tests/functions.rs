//! Twins of free functions: what a signature can have.
#![deny(warnings)]
#![allow(missing_docs, reason = "tests are sentences already")]

use std::cell::Cell;
use std::fmt::Display;
use std::future::ready;
use std::rc::Rc;

use sideloop::synced;

#[synced]
async fn add(a: i32, b: i32) -> i32 {
    ready(a + b).await
}

#[test]
fn a_function_has_a_twin_with_sync_at_its_name() {
    assert_eq!(add_sync(10, 12), 22);
}

#[synced(name = sum)]
async fn add_all(numbers: &[i32]) -> i32 {
    numbers.iter().sum()
}

#[test]
fn the_twin_has_the_name_that_was_asked_for() {
    assert_eq!(sum(&[1, 2, 3]), 6);
}

#[synced]
async fn r#try() -> u8 {
    1
}

#[test]
fn a_raw_name_loses_its_mark_where_the_twin_needs_none() {
    assert_eq!(try_sync(), 1);
}

#[synced]
#[synced(name = now)]
async fn later() -> u8 {
    2
}

#[test]
fn a_function_may_have_two_twins() {
    // Were attribute macros taken over by twins, the first would ask for a twin of a twin.
    assert_eq!(later_sync() + now(), 4);
}

#[synced]
async fn unused() {}

#[test]
fn an_unused_twin_is_no_dead_code_of_the_user() {
    drop(unused());
}

struct Point {
    x: i32,
    y: i32,
}

#[synced]
#[allow(clippy::too_many_arguments, clippy::toplevel_ref_arg, reason = "one of each kind")]
async fn patterns(
    mut count: i32,
    (a, b): (i32, i32),
    Point { x, y }: Point,
    _: &str,
    [first, .., last]: [i32; 4],
    whole @ (left, _): (i32, i32),
    ref borrowed: String,
    argument_1: i32,
) -> Vec<i32> {
    count += 1;
    vec![count, a, b, x, y, first, last, whole.1, left, borrowed.len() as i32, argument_1]
}

#[test]
fn patterns_become_plain_arguments() {
    let point = Point { x: 4, y: 5 };
    let got = patterns_sync(0, (2, 3), point, "_", [6, 0, 0, 7], (9, 8), "1234567890".into(), 11);
    assert_eq!(got, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[synced]
async fn longest<'a, 'b: 'a>(a: &'a str, b: &'b str) -> &'a str {
    if a.len() < b.len() { b } else { a }
}

#[synced]
async fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

#[test]
fn results_may_borrow_from_arguments() {
    let text = String::from("more words");
    assert_eq!(longest_sync("few", &text), "more words");
    assert_eq!(first_word_sync(&text), "more");
}

#[synced]
async fn make<T, const N: usize>() -> [T; N]
where
    T: Copy + Default,
{
    [T::default(); N]
}

#[synced]
async fn size<'a, T>(_: &'a str) -> usize
where
    T: 'a,
{
    size_of::<T>()
}

#[test]
fn generics_that_nothing_tells_are_passed_on() {
    assert_eq!(make_sync::<u8, 3>(), [0; 3]);
    assert_eq!(size_sync::<u64>("text"), 8);
}

#[synced]
async fn join<T: Display>(head: T, tail: impl IntoIterator<Item = impl Display>) -> String {
    tail.into_iter().fold(head.to_string(), |text, next| format!("{text} {next}"))
}

#[synced]
async fn apply(change: impl AsyncFnOnce(&str) -> String, to: &str) -> String {
    change(to).await
}

#[synced]
async fn evens(up_to: &u32) -> impl Iterator<Item = u32> + Clone {
    (0..*up_to).step_by(2)
}

#[test]
fn arguments_and_results_may_be_impl_trait() {
    assert_eq!(join_sync("a", [1, 2]), "a 1 2");
    assert_eq!(apply_sync(async |text| text.to_uppercase(), "up"), "UP");
    assert_eq!(evens_sync(&5).clone().collect::<Vec<_>>(), [0, 2, 4]);
}

#[synced]
async fn share(counter: Rc<Cell<u32>>) -> Rc<Cell<u32>> {
    counter.set(counter.get() + 1);
    ready(()).await;
    counter
}

#[test]
fn futures_need_not_be_send() {
    assert_eq!(share_sync(Rc::default()).get(), 1);
}

/// Reads where it points to.
///
/// # Safety
/// `at` must be readable.
#[synced]
async unsafe fn read(at: *const u8) -> u8 {
    // SAFETY: the caller promises it.
    unsafe { at.read() }
}

#[test]
fn the_twin_of_an_unsafe_function_is_unsafe() {
    let byte = 7;
    let twin: unsafe fn(*const u8) -> u8 = read_sync;
    // SAFETY: it points to `byte`.
    assert_eq!(unsafe { twin(&raw const byte) }, 7);
}

#[synced]
#[allow(improper_ctypes_definitions, reason = "C does not call the one that returns a future")]
async extern "C" fn callback(x: i32) -> i32 {
    x + 1
}

#[test]
fn the_twin_has_the_abi_of_the_function() {
    let callback: extern "C" fn(i32) -> i32 = callback_sync;
    assert_eq!(callback(1), 2);
}

#[synced]
async fn fail(message: &str) -> Result<(), Box<dyn std::error::Error>> {
    Err(message)?;
    Ok(())
}

#[synced]
#[expect(clippy::panic, reason = "to see where it goes")]
async fn give_up(with: &str) -> ! {
    panic!("{with}")
}

#[test]
fn errors_are_returned_and_panics_go_on_in_the_caller() {
    assert_eq!(fail_sync("no").unwrap_err().to_string(), "no");
    let panic = std::panic::catch_unwind(|| give_up_sync("why")).err();
    assert_eq!(panic.and_then(|why| why.downcast::<String>().ok()).as_deref(), Some(&"why".into()));
}

mod elsewhere {
    use sideloop::synced;

    #[synced]
    pub(super) async fn visible() -> u8 {
        1
    }
}

#[test]
fn the_twin_is_as_visible_as_the_function() {
    assert_eq!(elsewhere::visible_sync(), 1);
}

macro_rules! doubled {
    ($vis:vis $name:ident, $twin:ident, $ty:ty) => {
        #[synced(name = $twin)]
        $vis async fn $name(x: $ty) -> $ty {
            x + x
        }
    };
}
doubled!(pub(crate) double, double_now, u16);

#[test]
fn functions_made_by_macros_have_twins() {
    assert_eq!(double_now(4), 8);
    drop(double(1));
}

#[test]
fn functions_inside_of_functions_have_twins() {
    #[synced]
    async fn inner() -> u8 {
        3
    }
    assert_eq!(inner_sync(), 3);
}
