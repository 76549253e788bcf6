//! What two threads share, run through every interleaving that loom tells apart. `scripts/loom`.
//!
//! A model is a function over a part's behaviour. It runs on the crate's own part, where it must
//! hold, and on copies with one flaw each (`seeded`), where it must fail: a model that no flaw upsets
//! proves nothing. The copy without a flaw holds too, so it is the flaw that each model catches.
//!
//! Two models of three threads have too many interleavings for each run: they go by `bounded`, which
//! explores those with at most three preemptions. `LOOM_MAX_PREEMPTIONS=1000 scripts/loom` explores all.
//!
//! Not in reach of loom: `Waiter::park` and `Bell::wait` with a limit in the future (its `Condvar` never times out)
//! and spurious wake-ups; `tests/threads.rs` has those.
//!
//! What the models themselves share lies in `std::sync::Arc`: loom's own panics again when a deadlock
//! unwinds past it. The crate's hand-off keeps loom's, so that loom sees its leaks.
#![cfg(loom)]
#![forbid(unsafe_code)]

#[path = "loom/bell.rs"]
mod bell;

#[path = "loom/entry.rs"]
mod entry;

#[path = "loom/stop.rs"]
mod stop;

#[path = "loom/phase.rs"]
mod phase;

#[path = "loom/errand.rs"]
mod errand;

#[path = "loom/nested_stop.rs"]
mod nested_stop;

#[path = "loom/host.rs"]
mod host;

#[path = "loom/handoff.rs"]
mod handoff;

#[path = "loom/caller_bell.rs"]
mod caller_bell;

#[path = "loom/held.rs"]
mod held;

#[path = "loom/opening.rs"]
mod opening;

#[path = "loom/call.rs"]
mod call;

/// All interleavings with few preemptions, where all would take minutes.
fn bounded(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}
