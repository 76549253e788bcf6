//! The attribute `#[synced]` of the crate `sideloop`, which re-exports it (feature `macros`).
//!
//! The files stand in the order of an expansion: what the attribute asks for, what it stands on,
//! the twin that is made, and which attributes the twin takes over.
#![forbid(unsafe_code)]

mod options;

mod item;

mod future;

mod module;

mod translate;

mod twin;

mod carried;

/// Makes a blocking twin of each `async fn`: `fetch` gets `fetch_sync`, which any code may call.
///
/// ```
/// use sideloop::synced;
///
/// /// Adds, later.
/// #[synced]
/// async fn add(a: i32, b: i32) -> i32 {
///     a + b
/// }
///
/// assert_eq!(add_sync(10, 12), 22);
/// ```
///
/// The twin calls the `async fn` and hands the future to `sideloop::run_sync`: it blocks the
/// calling thread until the future is done, the future is polled on that thread, and a panic in it
/// goes on in the caller. It works wherever `run_sync` does, inside of async code too, and fails
/// as it fails.
///
/// # Where it goes
///
/// On a function, a method, an inherent `impl` or a `trait` (each `async fn` in there gets a twin):
///
/// ```
/// use sideloop::synced;
///
/// struct Counter(u64);
///
/// #[synced]
/// impl Counter {
///     async fn new() -> Self {
///         Counter(0)
///     }
///
///     /// The twin of this method has a name of its own.
///     #[synced(name = increase)]
///     async fn add(&mut self, by: u64) -> u64 {
///         self.0 += by;
///         self.0
///     }
///
///     /// This one has no twin.
///     #[synced(skip)]
///     async fn audit(&self) {}
/// }
///
/// let mut counter = Counter::new_sync();
/// assert_eq!(counter.increase(3), 3);
/// ```
///
/// In a trait the twin is a provided method, so that each implementation has it. An implementation
/// of a trait takes no `#[synced]`: nothing can be added to it.
///
/// An associated function by itself, outside of an annotated `impl`, is told from a free function
/// by `self` or `Self` in its signature. If it has neither, annotate the `impl`.
///
/// # What the twin is like
///
/// It keeps visibility, generics, lifetimes, `where` clauses, `impl Trait` arguments and results,
/// `unsafe`, the ABI and the documentation, to which it adds that it blocks. A pattern in the
/// arguments becomes a plain argument. It is `#[track_caller]`.
///
/// Of the attributes it keeps those that speak about a function to the compiler and to its callers:
/// `cfg`, `cfg_attr` (with what is listed here), `doc`, `must_use`, `deprecated`, `inline`, `cold`,
/// `target_feature`, and lint levels, where `expect` becomes `allow` because the twin need not
/// fulfil it. All others stay with the `async fn` alone, which the twin calls:
/// `#[tracing::instrument]` makes one span, `#[no_mangle]` one symbol. An attribute that rewrites
/// the `async fn` itself, such as `#[async_trait]`, goes below `#[synced]`.
///
/// # Errors
///
/// It does not compile on a function that is not `async`, on anything that holds no `async fn`, on
/// the implementation of a trait, with a `#[cfg]` on one argument, or with an option that it does
/// not know.
#[proc_macro_attribute]
pub fn synced(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    item::expand(options.into(), item.into()).into()
}
