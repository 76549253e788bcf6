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
/// On a function, a method, an inherent `impl` or a `trait` (each `async fn` in there gets a twin), or a `mod`
/// (see below):
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
/// by `self` or `Self` in its signature. If it has neither, it does not compile, and the message says to
/// annotate the `impl`.
///
/// Beside an `async fn`, what returns a future counts: `impl Future<Output = T>`, `Pin<Box<dyn Future<Output =
/// T>>>`, `BoxFuture<'_, T>`. It is called with the runtime entered. What returns a stream (`impl Stream`,
/// `BoxStream`) gets a twin that returns `sideloop::Iter`.
///
/// # Options
///
/// | | |
/// |---|---|
/// | `name = other` | the twin's name |
/// | `skip` | no twin, in an annotated block |
/// | `runner = RUNNER` | an expression: the `sideloop::Runner` to call on. In methods it may say `self.runner` |
/// | `timeout = LIMIT` | an expression: a limit on the wait. The twin returns `Result<T, sideloop::TimedOut>` |
/// | `crate = path` | where the crate `sideloop` is, if not at `::sideloop` |
/// | `blocking` | on an `impl`, a module `blocking` instead of twins with a suffix: see below |
///
/// `runner`, `timeout` and `crate` may stand on a block, for all its members. Each may stand in a `cfg_attr`, on the block and on
/// its members:
///
/// ```
/// use std::time::Duration;
/// use sideloop::{Runner, synced};
///
/// static DATABASE: Runner = Runner::const_new("database");
///
/// struct Table;
///
/// #[cfg_attr(all(), synced(runner = DATABASE, timeout = Duration::from_secs(5)))]
/// impl Table {
///     async fn count(&self) -> u64 {
///         22
///     }
///
///     #[cfg_attr(all(), synced(skip))]
///     async fn audit(&self) {}
/// }
///
/// assert_eq!(Table.count_sync().unwrap(), 22);
/// ```
///
/// # A blocking module
///
/// On a `mod`, it makes a module `blocking` inside, as reqwest has one: the same names without a suffix. Functions
/// wait; a type with async methods becomes a wrapper of the same name, whose methods wait, which derefs to the
/// async one for all that is sync, and which is dropped with the runtime entered. `From` and `into_async` lead from
/// one to the other. Where a signature names such a type (by itself, behind `&` or `&mut`, in `Result`, `Option` or
/// `Vec`), the counterpart has the wrapper.
///
/// ```
/// #[sideloop::synced]
/// mod client {
///     pub struct Client(String);
///
///     impl Client {
///         pub async fn connect(url: &str) -> Client {
///             Client(url.to_owned())
///         }
///
///         pub async fn get(&self, path: &str) -> String {
///             format!("{}{path}", self.0)
///         }
///     }
/// }
///
/// let client = client::blocking::Client::connect("https://example.org");
/// assert_eq!(client.get("/a"), "https://example.org/a");
/// ```
///
/// On an `impl`, `#[synced(blocking)]` makes such a module beside it, for its type alone:
///
/// ```
/// mod client {
///     pub struct Client(String);
///
///     #[sideloop::synced(blocking)]
///     impl Client {
///         pub async fn connect(url: &str) -> Client {
///             Client(url.to_owned())
///         }
///
///         pub async fn get(&self, path: &str) -> String {
///             format!("{}{path}", self.0)
///         }
///     }
/// }
///
/// let client = client::blocking::Client::connect("https://example.org");
/// assert_eq!(client.get("/a"), "https://example.org/a");
/// ```
///
/// The type must be `pub`; for another one say who may see it: `#[synced(blocking = pub(crate))]`.
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
/// It does not compile on a function that is not `async` and returns no future, on one that another attribute
/// makes sync (`#[tokio::main]`), on anything that holds no `async fn`, on the implementation of a trait, with a
/// `#[cfg]` on one argument, or with an option that it does not know.
#[proc_macro_attribute]
pub fn synced(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    item::expand(options.into(), item.into()).into()
}
