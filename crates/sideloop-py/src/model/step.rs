//! A step: a call whose awaitable is awaited in a host's task.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::Kind;

use crate::model::{Host, Todo};

/// A step on its way to its host.
pub(crate) struct Step {
    pub(crate) host: Py<Host>,
    pub(crate) kind: Kind,
    pub(crate) todo: Todo,
}

impl Step {
    pub(crate) fn new(
        host: &Bound<'_, Host>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> Self {
        let todo = Todo {
            async_fn: async_fn.clone_ref(host.py()),
            args: args.map(|args| args.clone().unbind()),
        };
        Self { host: host.clone().unbind(), kind, todo }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.host)?;
        self.todo.traverse(visit)
    }
}
