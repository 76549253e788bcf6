//! A runner's lives: one engine for each fork generation, so that a child never touches its parent's.
//!
//! In a fork's child the engine's threads do not exist, its locks may be held for ever, and closing
//! its poller would disturb the parent. So a child begins a life of its own and leaves the inherited one
//! alone, memory and all.
//!
//! Does not work: a lock around the engine, or a `OnceLock` that all generations share. A fork while
//! another thread is inside leaves the child waiting for a thread that it does not have.
#![expect(unsafe_code, reason = "a pointer that forks cannot leave half-written")]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use sideloop_core::generation;
use sideloop_core::opening::{Door, Opened, Opening};

use crate::builder::Config;
use crate::engine::Engine;
use crate::error::Refusal;

/// One generation's engine, or the place for it.
struct Life {
    generation: u32,
    engine: Opening<Engine>,
}

/// A runner's lives.
///
/// Who may touch what:
/// - `newest` is null until the first life is needed. Whoever finds it null, or of an older generation,
///   replaces it by compare-and-swap; all others read it.
/// - A life is freed by `Drop` alone, which has `&mut self`, and only in the generation that made it; so what a
///   call borrows from it lives as long as the call borrows the runner.
/// - An older generation's life is never freed nor read but for its number: the parent's threads may have held
///   its locks, and its engine is the parent's.
/// - The door is closed once, for all lives. Of who closes it and who starts an engine meanwhile, one sees the other
///   (`sideloop_core::opening`), so that none is left running.
pub(crate) struct Lives {
    newest: AtomicPtr<Life>,
    door: Door,
}

impl Lives {
    pub(crate) const fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()), door: Door::new() }
    }

    /// This generation's engine, if it runs: the way of all calls but the first.
    #[inline]
    pub(crate) fn running(&self) -> Option<&Engine> {
        if self.door.is_closed() { None } else { self.newest_engine() }
    }

    /// This generation's engine, started if need be. Blocks while another thread starts it.
    pub(crate) fn engine(&self, config: &Config) -> Result<&Engine, Refusal> {
        match self.current().engine.open(&self.door, || config.start())? {
            Opened::Open(engine) => Ok(engine),
            Opened::Closed => Err(Refusal::Ended),
            Opened::ClosedMeanwhile(engine) => {
                engine.end_at_once();
                Err(Refusal::Ended)
            }
        }
    }

    /// Take no more calls. The engine that is left to be ended, if one was started in this generation.
    pub(crate) fn close(&self) -> Option<&Engine> {
        self.door.close();
        self.newest_engine()
    }

    /// This generation's engine, if one was started, ended or not.
    #[inline]
    pub(crate) fn newest_engine(&self) -> Option<&Engine> {
        // ORDERING, SAFETY: as in `current`.
        let life = unsafe { self.newest.load(Ordering::Acquire).as_ref() }?;
        if life.generation == generation::current() { life.engine.get() } else { None }
    }

    fn current(&self) -> &Life {
        let generation = generation::current();
        // ORDERING: Acquire pairs with the Release that published the life's fields.
        let mut newest = self.newest.load(Ordering::Acquire);
        loop {
            // SAFETY: null or from `Box::into_raw` below; freed only by `Drop`, which has `&mut self`
            // while the reference made here borrows `self`.
            match unsafe { newest.as_ref() } {
                Some(life) if life.generation == generation => return life,
                Some(_) | None => {}
            }
            let life = Life { generation, engine: Opening::default() };
            let life = Box::into_raw(Box::new(life));
            match self.newest.compare_exchange(newest, life, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: as above. What it replaces is inherited, and stays where it is for good.
                Ok(_) => return unsafe { &*life },
                Err(now) => {
                    // SAFETY: from `Box::into_raw` just above, and nobody has seen it.
                    drop(unsafe { Box::from_raw(life) });
                    newest = now;
                }
            }
        }
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        let newest = std::mem::replace(self.newest.get_mut(), ptr::null_mut());
        // SAFETY: as in `current`.
        let own =
            unsafe { newest.as_ref() }.is_some_and(|life| life.generation == generation::current());
        if own {
            // SAFETY: from `Box::into_raw`, and no longer reachable: it was taken out of `self` above.
            drop(unsafe { Box::from_raw(newest) });
        }
    }
}
