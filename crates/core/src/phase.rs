//! Where one call is in its life.
//!
//! ```text
//!            begin()             complete()
//!   Queued ───────────▶ Running ────────────▶ Done        final
//!     │                  │   │ cancel()         ▲
//!     │ cancel()         │   ▼      complete()  │
//!     │                  │ Cancelling ──────────┘
//!     ▼        abandon() ▼   │ abandon()
//!   Abandoned ◀──────────┴───┘                            final
//! ```
//!
//! - Queued: the entry queue owns the call. Nothing of the user's has run.
//! - Running: the loop thread owns the task, the caller waits.
//! - Cancelling: the same, and the caller wants the task to stop.
//! - Done: the caller owns the outcome.
//! - Abandoned: nobody waits. The loop thread drops the outcome, or never starts the call.

use crate::sync::atomic::{AtomicU8, Ordering};

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    Queued,
    Running,
    Cancelling,
    Done,
    Abandoned,
}

/// What `begin` found, that is, what the loop thread must do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Call the user's function.
    Run,
    /// The caller left before: do not run it.
    Skip,
}

/// What `cancel` found, that is, what the canceller must do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It never ran and never will. Raise at once.
    NeverRan,
    /// Wake the loop thread so that it cancels the task, then go on waiting.
    Interrupt,
    /// Too late, or asked before. Go on waiting; the outcome decides.
    Nothing,
}

/// What `complete` found, that is, what the loop thread must do with the outcome.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complete {
    /// The caller waits for it: hand it off.
    Deliver,
    /// Nobody waits: drop it, and report an error that would be lost.
    Drop,
}

/// What `abandon` found, that is, what the caller must do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandon {
    /// Leave. The loop thread keeps what the task still needs.
    Leave,
    /// The outcome came first: take it.
    TakeOutcome,
}

/// A call's phase, moved by the caller's thread and the loop thread.
pub struct PhaseCell(AtomicU8);

impl Default for PhaseCell {
    fn default() -> Self {
        Self(AtomicU8::new(Phase::Queued as u8))
    }
}

impl PhaseCell {
    /// Move to the phase that `next` names, unless it names none; returns the phase before.
    fn step(&self, next: impl Fn(Phase) -> Option<Phase>) -> Phase {
        // ORDERING: AcqRel on success, Acquire on failure: whoever finds Done sees the outcome that
        // was stored before `complete`.
        let found = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |raw| {
            next(Phase::from_raw(raw)).map(|phase| phase as u8)
        });
        match found {
            Ok(raw) | Err(raw) => Phase::from_raw(raw),
        }
    }

    /// The loop thread took the call from the entry queue.
    pub fn begin(&self) -> Begin {
        match self.step(|phase| (phase == Phase::Queued).then_some(Phase::Running)) {
            Phase::Queued => Begin::Run,
            Phase::Running | Phase::Cancelling | Phase::Done | Phase::Abandoned => Begin::Skip,
        }
    }

    /// The caller wants the call to stop.
    pub fn cancel(&self) -> Cancel {
        let before = self.step(|phase| match phase {
            Phase::Queued => Some(Phase::Abandoned),
            Phase::Running => Some(Phase::Cancelling),
            Phase::Cancelling | Phase::Done | Phase::Abandoned => None,
        });
        match before {
            Phase::Queued => Cancel::NeverRan,
            Phase::Running => Cancel::Interrupt,
            Phase::Cancelling | Phase::Done | Phase::Abandoned => Cancel::Nothing,
        }
    }

    /// The loop thread has the outcome, and has stored it where the caller will look.
    pub fn complete(&self) -> Complete {
        let before = self.step(|phase| match phase {
            Phase::Queued | Phase::Running | Phase::Cancelling => Some(Phase::Done),
            Phase::Done | Phase::Abandoned => None,
        });
        match before {
            Phase::Queued | Phase::Running | Phase::Cancelling => Complete::Deliver,
            Phase::Done | Phase::Abandoned => Complete::Drop,
        }
    }

    /// Whether the outcome is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        Phase::from_raw(self.0.load(Ordering::Acquire)) == Phase::Done
    }

    /// Whether nothing of the call has run.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        Phase::from_raw(self.0.load(Ordering::Acquire)) == Phase::Queued
    }

    /// Whether it was asked to stop while it runs.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        Phase::from_raw(self.0.load(Ordering::Acquire)) == Phase::Cancelling
    }

    /// Whether the caller has left.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        Phase::from_raw(self.0.load(Ordering::Acquire)) == Phase::Abandoned
    }

    /// The caller waits no longer.
    pub fn abandon(&self) -> Abandon {
        let before = self.step(|phase| (phase != Phase::Done).then_some(Phase::Abandoned));
        match before {
            Phase::Done => Abandon::TakeOutcome,
            Phase::Queued | Phase::Running | Phase::Cancelling | Phase::Abandoned => Abandon::Leave,
        }
    }
}

impl Phase {
    fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::Queued,
            1 => Self::Running,
            2 => Self::Cancelling,
            3 => Self::Done,
            // Only `PhaseCell` writes the cell, and it writes only phases.
            _ => Self::Abandoned,
        }
    }
}
