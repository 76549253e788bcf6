//! What calls, tasks and iterators know of their runner: how to enter it, and how their end is waited for.

use std::mem;
use std::time::Instant;

use sideloop_core::generation;
use tokio::runtime::Handle;

use crate::builder::Rules;
use crate::drive::{AfterEnd, On, Terms};
use crate::engine::Ended;
use crate::error::Refusal;
use crate::slot::Way;

/// Access to one life of a runner. It does not keep the runner alive.
#[derive(Clone)]
pub(crate) struct Access {
    handle: Handle,
    rules: Rules,
    generation: u32,
    ended: Ended,
    watched: Watched,
}

/// Whether callers see to it that the workers mind the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The runtime is ours.
    Yes,
    /// It is the user's.
    No,
}

impl Access {
    pub(crate) fn new(handle: Handle, rules: Rules, watched: Watched) -> Self {
        let generation = generation::current();
        Self { handle, rules, generation, ended: Ended::default(), watched }
    }

    /// Whether it was made in the parent of a fork, where all that it leads to still is.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != generation::current()
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The handle, on a thread that can still enter one.
    pub(crate) fn enterable(&self) -> Option<&Handle> {
        let ends = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
        (!ends).then_some(&self.handle)
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched == Watched::Yes
    }

    pub(crate) fn ended(&self) -> &Ended {
        &self.ended
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_told()
    }

    /// Whether calls may begin: here, and now.
    pub(crate) fn serves(&self, after_end: AfterEnd) -> Result<(), Refusal> {
        if self.is_inherited() {
            Err(Refusal::Inherited)
        } else if after_end == AfterEnd::Refused && self.has_ended() {
            Err(Refusal::Ended)
        } else {
            Ok(())
        }
    }

    /// The runner's name.
    pub(crate) fn runner(&self) -> &str {
        self.handle.name().unwrap_or("tokio")
    }

    /// Drop what the user gave us, with the runtime entered, where that is possible.
    pub(crate) fn inside<T>(&self, drops: impl FnOnce() -> T) -> T {
        let _entered = self.enterable().map(Handle::enter);
        drops()
    }

    /// Drop `held` inside. In a fork's child it is left alone: what it leads to is the parent's.
    pub(crate) fn drop_inside<T>(&self, held: T) {
        if self.is_inherited() {
            mem::forget(held);
        } else {
            self.inside(|| drop(held));
        }
    }

    /// What a call on it goes by.
    pub(crate) fn terms(&self, limit: Option<Instant>, after_end: AfterEnd) -> Terms<'_> {
        Terms { on: On::Life(self, after_end), limit }
    }

    /// Run `future` to its end, or until `limit`, on the calling thread, if the runner still runs.
    pub(crate) fn drive<F: Future>(
        &self,
        future: F,
        limit: Option<Instant>,
        after_end: AfterEnd,
    ) -> Result<F::Output, Refusal> {
        Way::<F>::DRIVE(future, self.terms(limit, after_end))
    }
}
