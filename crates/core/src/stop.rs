//! Whether a loop's thread is to leave it. One state: as two flags, one set after the other, a stop that was asked for
//! while the loop had just left by itself stayed due, and came when it unwound.
//!
//! ```text
//!        ask            take
//!   No ───────▶ Due ──────────────▶ Heard   final
//!    │           │ leave               ▲
//!    └───────────┴─────────────────────┘
//!          leave: asked or not
//! ```

use crate::sync::atomic::{AtomicU8, Ordering};

const NO: u8 = 0;
/// It is to be told.
const DUE: u8 = 1;
/// It was told, or has left without.
const HEARD: u8 = 2;

/// The stop of one loop.
pub struct Stop(AtomicU8);

impl Default for Stop {
    fn default() -> Self {
        Self(AtomicU8::new(NO))
    }
}

// ORDERING: AcqRel, Acquire: whoever sees the stop sees what its asker wrote before.
impl Stop {
    /// The loop's thread is to leave it; it hears once.
    pub fn ask(&self) {
        let _ = self.0.compare_exchange(NO, DUE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// It has left, asked or not.
    pub fn leave(&self) {
        // Not a store, which loom lets come before a step that it has seen.
        let _ = self.0.swap(HEARD, Ordering::AcqRel);
    }

    /// Whether it was asked to, or has left.
    #[inline]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire) != NO
    }

    /// Whether it is to be told.
    #[inline]
    pub fn is_due(&self) -> bool {
        self.0.load(Ordering::Acquire) == DUE
    }

    /// Whether it is to be told now: true once.
    pub fn take(&self) -> bool {
        self.is_due()
            && self.0.compare_exchange(DUE, HEARD, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
