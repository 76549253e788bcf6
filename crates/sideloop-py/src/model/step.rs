//! A step: a call whose awaitable is awaited in a host's task.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::model::Host;
use crate::policy::outcome::Outcome;

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The next item, which may have been read ahead.
    Item,
    /// Anything else that others may follow.
    Word,
    /// The only one: a call.
    Only,
    /// The last one, of a context manager: an error that came before is for its caller.
    Exit,
    /// The last one, of an iterator.
    Close,
    /// The same, and nobody waits.
    Collect,
    /// Nothing for its caller: have items read ahead.
    Refill,
}

impl Kind {
    /// Whether none may follow.
    pub(crate) fn is_last(self) -> bool {
        match self {
            Self::Only | Self::Exit | Self::Close | Self::Collect => true,
            Self::Item | Self::Word | Self::Refill => false,
        }
    }

    /// Whether it cleans up, which has to be done however late it is.
    pub(crate) fn cleans_up(self) -> bool {
        match self {
            Self::Exit | Self::Close | Self::Collect => true,
            Self::Only | Self::Item | Self::Word | Self::Refill => false,
        }
    }

    /// The outcome when all is over.
    pub(crate) fn nothing_left(self, py: Python<'_>) -> Outcome {
        match self {
            Self::Item => Outcome::Error(PyStopAsyncIteration::new_err(())),
            Self::Word | Self::Only | Self::Exit | Self::Close | Self::Collect | Self::Refill => {
                Outcome::Value(py.None())
            }
        }
    }
}

/// What to await in the host's task.
pub(crate) struct Step {
    pub(crate) host: Py<Host>,
    pub(crate) kind: Kind,
    pub(crate) async_fn: Py<PyAny>,
    pub(crate) args: Option<Py<PyTuple>>,
}

impl Step {
    pub(crate) fn new(
        host: &Bound<'_, Host>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> Self {
        Self {
            host: host.clone().unbind(),
            kind,
            async_fn: async_fn.clone_ref(host.py()),
            args: args.map(|args| args.clone().unbind()),
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.host)?;
        visit.call(&self.async_fn)?;
        visit.call(&self.args)
    }
}
