//! A runner's lives: one engine for each fork generation, so that a child never touches its parent's.
//!
//! In a fork's child the engine's threads do not exist, its locks may be held for ever, and closing
//! its poller would disturb the parent. So a child begins a life of its own and leaves the inherited one
//! alone, memory and all.
//!
//! Does not work: a lock around the engine, or a `OnceLock` that all generations share. A fork while
//! another thread is inside leaves the child waiting for a thread that it does not have.
#![expect(unsafe_code, reason = "a pointer that forks cannot leave half-written")]

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use sideloop_core::generation;

use crate::builder::Config;
use crate::engine::Engine;

/// One generation's engine, or the place for it.
struct Life {
    generation: u32,
    engine: OnceLock<Engine>,
    starting: Mutex<()>,
}

impl Life {
    fn engine(&self, config: &Config) -> io::Result<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let engine = Engine::start(config)?;
        Ok(self.engine.get_or_init(|| engine))
    }
}

/// Where the newest life is. Null until the first is needed; freed only when the runner is dropped in
/// the generation that made it.
pub(crate) struct Lives(AtomicPtr<Life>);

impl Lives {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// This generation's engine, started if need be. Blocks while another thread starts it.
    pub(crate) fn engine(&self, config: &Config) -> io::Result<&Engine> {
        self.current().engine(config)
    }

    fn current(&self) -> &Life {
        let generation = generation::current();
        // ORDERING: Acquire pairs with the Release that published the life's fields.
        let mut newest = self.0.load(Ordering::Acquire);
        loop {
            // SAFETY: null or from `Box::into_raw` below; freed only by `Drop`, which has `&mut self`
            // while the reference made here borrows `self`.
            match unsafe { newest.as_ref() } {
                Some(life) if life.generation == generation => return life,
                Some(_) | None => {}
            }
            let (engine, starting) = (OnceLock::new(), Mutex::new(()));
            let life = Box::into_raw(Box::new(Life { generation, engine, starting }));
            match self.0.compare_exchange(newest, life, Ordering::AcqRel, Ordering::Acquire) {
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

    /// End this generation's life and hand out its engine, if it was started.
    pub(crate) fn end(&mut self) -> Option<Engine> {
        let newest = std::mem::replace(self.0.get_mut(), ptr::null_mut());
        // SAFETY: as in `current`.
        if unsafe { newest.as_ref() }?.generation != generation::current() {
            return None;
        }
        // SAFETY: from `Box::into_raw`, and no longer reachable: it was taken out of `self` above.
        unsafe { Box::from_raw(newest) }.engine.into_inner()
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        drop(self.end());
    }
}
