//! Call async functions from sync code, anywhere.
//!
//! ```
//! use std::time::Duration;
//!
//! async fn async_add(a: u32, b: u32) -> u32 {
//!     a + b
//! }
//!
//! assert_eq!(sideloop::run_sync(async_add(10, 12)), 22);
//!
//! // What needs a runtime when it is made, a timer for instance, is made inside.
//! sideloop::run_sync_with(|| tokio::time::sleep(Duration::from_millis(1)));
//! ```
//!
//! The calling thread polls the future itself; the I/O driver, the timers and whatever the future
//! spawns live on threads of a managed [tokio] runtime. So the future may borrow, need not be `Send` or
//! `'static`, and its panics go on in the caller. It works on a plain thread, in rayon, in a `Drop`, in
//! sync code that async code has called, inside multi-thread and `current_thread` runtimes of yours: never
//! "Cannot start a runtime from within a runtime". [The guide](guide) tells all of it.
//!
//! # What blocks, and where code runs
//! [`run_sync`] and its kin block the calling thread until the future is ready. The future runs on that
//! thread; what it passes to `tokio::spawn` runs on the runner's threads, also between calls.
//!
//! # Runners
//! The functions of this module use one global runner, which starts with the first call and never
//! ends; a program may set it ([`Builder::build_global`]). A [`Runner`] of your own has a name, a number of
//! workers, and an end, or is made of a runtime of yours.
//!
//! What tokio offers inside the future, timers and TCP for instance, follows from the features of tokio
//! that your program enables.
//!
//! # Features
//! - `macros`: `#[synced]`, which makes a blocking twin of an async function.
//! - `hint`, on by default: where a timer or a socket is made outside of every runtime, as in
//!   `run_sync(tokio::time::sleep(d))`, a line below tokio's panic says what to write. For that the crate sets a panic
//!   hook, before `main`, which calls the one that was there; a hook that the program sets replaces it.
#![deny(unsafe_code, missing_docs)]

mod api;
pub use api::{
    blocking, enter, handle, inside, iter, map, run_sync, run_sync_apart, run_sync_timeout,
    run_sync_with, run_sync_with_timeout, scope, spawn,
};

#[cfg(feature = "macros")]
pub use sideloop_macros::synced;

mod global;

mod builder;
pub use builder::{BlockInPlace, Builder};

mod runner;
pub use runner::Runner;

mod lives;

mod engine;

mod gate;

mod access;

mod enter;
pub use enter::Entered;

mod slot;

mod depth;

mod place;

mod doubt;

mod hand_over;

mod drive;

mod waker;

mod cpus;

mod patrol;

mod shutdown;

mod task;
pub use task::Task;

mod carry;

mod left;

mod scope;
pub use scope::{Scope, ScopedTask};

mod map;
pub use map::{Map, Unordered};

mod inside;
pub use inside::Inside;

mod blocking;
pub use blocking::Blocking;

mod iterate;
pub use iterate::Iter;

mod read_ahead;
pub use read_ahead::ReadAhead;

mod error;
pub use error::{AlreadyInUse, StillRunning, TimedOut};

mod fork;

#[cfg(feature = "hint")]
mod hint;

/// The guide.
///
#[doc = "[contexts]: guide::contexts"]
#[doc = ""]
#[doc = include_str!("../docs/rust.md")]
pub mod guide {
    #[doc = include_str!("../docs/rust-contexts.md")]
    pub mod contexts {}
}

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs that show what users see elsewhere, and what to write instead, as tests.
#[cfg(doctest)]
mod symptoms {
    #[doc = include_str!("../docs/symptoms/runtime-within-runtime.md")]
    struct RuntimeWithinRuntime;

    #[doc = include_str!("../docs/symptoms/no-reactor.md")]
    struct NoReactor;
}
