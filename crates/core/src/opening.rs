//! What is made once, by whoever needs it first, behind a door that is closed for good: a runner's engine.
//!
//! ```text
//!          open()             close()
//!   Empty ────────▶ Made ──────────────▶ Closed, and whoever closed ends what was made   final
//!     │
//!     └── close() ──▶ Closed: what is just being made is ended by its maker
//! ```

use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::{Mutex, OnceLock, lock};

/// The door: one for all that is ever made behind it.
pub struct Door {
    closed: AtomicBool,
}

impl Door {
    /// An open door.
    #[cfg(not(loom))]
    #[must_use]
    #[expect(clippy::new_without_default, reason = "loom's is no constant")]
    pub const fn new() -> Self {
        Self { closed: AtomicBool::new(false) }
    }

    /// An open door.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { closed: AtomicBool::new(false) }
    }

    /// Close it. Whoever looks behind it afterwards sees what was made before, or its maker sees that it is closed.
    pub fn close(&self) {
        // ORDERING: the fences here and in `Opening::open` are in one order. What comes second sees what was stored
        // before the other.
        self.closed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Whether it is closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// What is made once.
pub struct Opening<E> {
    made: OnceLock<E>,
    making: Mutex<()>,
}

/// What came of asking for it.
#[must_use]
pub enum Opened<'a, E> {
    /// Here it is.
    Open(&'a E),
    /// The door was closed.
    Closed,
    /// The door was closed meanwhile: end this, as others may that look behind the door.
    ClosedMeanwhile(&'a E),
}

impl<E> Default for Opening<E> {
    fn default() -> Self {
        Self { made: OnceLock::new(), making: Mutex::new(()) }
    }
}

impl<E> Opening<E> {
    /// What is there, if it was made.
    #[inline]
    pub fn get(&self) -> Option<&E> {
        self.made.get()
    }

    /// What is there, made if need be. Blocks while another thread makes it.
    ///
    /// # Errors
    /// Those of `make`: the next one who asks tries again.
    pub fn open<R>(
        &self,
        door: &Door,
        make: impl FnOnce() -> Result<E, R>,
    ) -> Result<Opened<'_, E>, R> {
        if door.is_closed() {
            return Ok(Opened::Closed);
        }
        let found = match self.made.get() {
            Some(found) => found,
            None => self.make(make)?,
        };
        // ORDERING: as in `Door::close`.
        fence(Ordering::SeqCst);
        Ok(if door.is_closed() { Opened::ClosedMeanwhile(found) } else { Opened::Open(found) })
    }

    fn make<R>(&self, make: impl FnOnce() -> Result<E, R>) -> Result<&E, R> {
        let _one_at_a_time = lock(&self.making);
        if let Some(found) = self.made.get() {
            return Ok(found);
        }
        let made = make()?;
        Ok(self.made.get_or_init(|| made))
    }
}
