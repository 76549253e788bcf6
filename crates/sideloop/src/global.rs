//! The global runner: the default one, or the one that the program has set before the first use.
//!
//! ```text
//!             current()
//!   Unused ─────────────▶ Default      final
//!      │
//!      └────────────────▶ Set          final
//!             set()
//! ```
//!
//! Both arrows are one compare-and-swap from Unused, so whoever comes second finds it decided. Readers wait
//! for nobody: a fork while another thread decides leaves the child with one of the three.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::{AlreadyInUse, Runner};

const UNUSED: u8 = 0;
const DEFAULT: u8 = 1;
const SET: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNUSED);

/// Serves whoever has set no other. Nothing of it exists before the first call.
static THE_DEFAULT: Runner = Runner::const_new("sideloop");

/// Filled before STATE says SET.
static THE_SET: OnceLock<Runner> = OnceLock::new();

/// The global runner. From here on it stays the same.
#[inline]
pub(crate) fn current() -> &'static Runner {
    // ORDERING: Relaxed: Default has nothing to read.
    if STATE.load(Ordering::Relaxed) == DEFAULT { &THE_DEFAULT } else { decided() }
}

fn decided() -> &'static Runner {
    // ORDERING: Acquire pairs with the Release in `set`: the runner is there.
    let state = match STATE.load(Ordering::Acquire) {
        UNUSED => STATE
            .compare_exchange(UNUSED, DEFAULT, Ordering::Acquire, Ordering::Acquire)
            .map_or_else(|decided| decided, |_| DEFAULT),
        decided => decided,
    };
    if state == SET { THE_SET.get().unwrap_or(&THE_DEFAULT) } else { &THE_DEFAULT }
}

/// Make `runner` the global one.
pub(crate) fn set(runner: Runner) -> Result<(), AlreadyInUse> {
    // ORDERING: Release pairs with the Acquire in `current`.
    THE_SET.set(runner).map_err(|_| AlreadyInUse)?;
    STATE
        .compare_exchange(UNUSED, SET, Ordering::Release, Ordering::Relaxed)
        .map_or(Err(AlreadyInUse), |_| Ok(()))
}
