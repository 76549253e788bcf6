//! The event loop: asyncio's selector loop with its scheduling in Rust.
//!
//! `class EventLoop(LoopCore, asyncio.SelectorEventLoop)`: what is here comes first in the method
//! resolution order and overrides only scheduling. Transports, TLS, subprocesses, signals and executors
//! stay asyncio's, handles are genuine `asyncio.Handle` and `TimerHandle` objects, and what is slow anyway (debug mode,
//! unusual selectors, overridden methods) takes asyncio's own methods.

mod core;

mod state;

mod tenant;

mod outbox;

mod field;

mod overrides;

mod clock;

mod schedule;

mod soon;

mod making;

mod first_step;

mod ready;

mod handle;

mod failed;

mod spare;

mod timers;

mod timer_class;

mod hidden;

mod looks;

pub(crate) mod turn;

mod linger;

mod poller;

mod files;

mod brief;

/// Look up what handles are made of, and what may be changed later on. At import: see `names`.
///
/// # Errors
/// What importing asyncio raises.
pub(crate) fn prepare(py: pyo3::Python<'_>) -> pyo3::PyResult<()> {
    let _ = handle::layout(py);
    soon::prepare(py)?;
    clock::prepare(py)
}

pub(crate) use self::brief::know_brief;
pub(crate) use self::core::LoopCore;
pub(crate) use self::first_step::FirstStep;
pub(crate) use self::looks::Looks;
pub(crate) use self::overrides::know_methods;
pub(crate) use self::ready::ReadyQueue;
pub(crate) use self::tenant::Tenant;
