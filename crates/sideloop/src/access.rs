//! What a task or an iterator keeps of its runner: how its end, or its next item, is waited for.

use sideloop_core::generation;
use tokio::runtime::Handle;

use crate::builder::Rules;
use crate::drive::drive;
use crate::error::Refusal;

/// Access to one life of a runner. It does not keep the runner alive.
pub(crate) struct Access {
    handle: Handle,
    rules: Rules,
    generation: u32,
}

impl Access {
    pub(crate) fn new(handle: &Handle, rules: Rules) -> Self {
        Self { handle: handle.clone(), rules, generation: generation::current() }
    }

    /// Whether it was made in the parent of a fork, where all that it leads to still is.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != generation::current()
    }

    /// The runner's name.
    pub(crate) fn runner(&self) -> &str {
        self.handle.name().unwrap_or_default()
    }

    /// Run `future` to its end, on the calling thread.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Result<F::Output, Refusal> {
        if self.is_inherited() {
            return Err(Refusal::Inherited);
        }
        drive(future, &self.handle, self.rules, None)
    }
}
