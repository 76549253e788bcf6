//! A stretch of sync code with a runner's runtime entered.

use std::fmt;
use std::marker::PhantomData;

use tokio::runtime::{EnterGuard, Handle};

use crate::access::Access;
use crate::error::{Refusal, refuse};

/// The runner's runtime is entered on this thread until this is dropped; made by [`enter`](crate::enter) and
/// [`Runner::enter`](crate::Runner::enter).
///
/// Guards on one thread are dropped in the reverse order, as scopes do it.
#[must_use = "the runtime is left when this is dropped"]
pub struct Entered<'r> {
    _guard: EnterGuard<'r>,
    // Not sent elsewhere: it is this thread that has entered.
    _thread: PhantomData<*mut ()>,
}

impl<'r> Entered<'r> {
    #[track_caller]
    pub(crate) fn new(access: &'r Access) -> Self {
        match access.enterable().map(Handle::enter) {
            Some(guard) => Self { _guard: guard, _thread: PhantomData },
            None => refuse(access.runner(), &Refusal::ThreadEnds),
        }
    }
}

impl fmt::Debug for Entered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}
