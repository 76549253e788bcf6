//! What two threads share, run through every interleaving that loom tells apart. `scripts/loom`.
//!
//! A model is a function over a part's behaviour. It runs on the crate's own part, where it must
//! hold, and on copies with one flaw each (`seeded`), where it must fail: a model that no flaw upsets
//! proves nothing. The copy without a flaw holds too, so it is the flaw that each model catches.
//!
//! Not in reach of loom: `Waiter::park` with a limit in the future (its `Condvar` never times out)
//! and spurious wake-ups; `tests/threads.rs` has those.
#![cfg(loom)]
#![forbid(unsafe_code)]

#[path = "loom/bell.rs"]
mod bell;

#[path = "loom/entry.rs"]
mod entry;

#[path = "loom/phase.rs"]
mod phase;

#[path = "loom/handoff.rs"]
mod handoff;

#[path = "loom/call.rs"]
mod call;
