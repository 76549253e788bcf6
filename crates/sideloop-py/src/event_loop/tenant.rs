//! Who takes calls for a loop, as far as the loop needs to know.

use pyo3::prelude::*;

use super::core::LoopCore;
use crate::python::attached::Attached;

/// Whoever takes calls for the loop, and what the loop asks of it.
pub(crate) struct Tenant {
    pub(crate) runner: Py<PyAny>,
    /// Whether the loop has a thread of its own: in the child of a fork that was made by what runs on it, that is
    /// the only thread, and nobody waits for it.
    pub(crate) on_own_thread: bool,
    /// Take what has come in through the entry, and act on it.
    pub(crate) drain: Drain,
    /// Take a callback in hand that is to be called with these arguments, if it need not wait for a turn.
    pub(crate) finish_at_once: FinishAtOnce,
}

pub(crate) type Drain = fn(&Bound<'_, PyAny>) -> PyResult<()>;

pub(crate) type FinishAtOnce = fn(&Bound<'_, PyAny>, &[Bound<'_, PyAny>]) -> PyResult<bool>;

/// The tenant, if there is one.
pub(super) type Let = Attached<Option<Tenant>>;

impl LoopCore {
    /// Let this one take calls for the loop, or none.
    pub(crate) fn let_to(&self, py: Python<'_>, tenant: Option<Tenant>) {
        let before = self.tenant.with(py, |now| std::mem::replace(now, tenant));
        drop(before);
    }

    pub(super) fn has_tenant(&self, py: Python<'_>) -> bool {
        self.tenant.with(py, |now| now.is_some())
    }

    /// Whether whoever waits for a call turns the loop meanwhile.
    pub(super) fn is_driven(&self, py: Python<'_>) -> bool {
        self.tenant.with(py, |now| now.as_ref().is_some_and(|tenant| !tenant.on_own_thread))
    }

    /// Whether this is a fork's child, made by what runs on the loop, which then has the step of that and no other:
    /// all else that is on the loop is the parent's, and so are the files that it would wait for.
    pub(super) fn is_alone(&self, py: Python<'_>) -> bool {
        self.orphaned()
            && self.tenant.with(py, |now| now.as_ref().is_some_and(|tenant| tenant.on_own_thread))
    }

    /// The runner that takes calls for the loop, if one does.
    pub(crate) fn runner<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.tenant.with(py, |now| now.as_ref().map(|tenant| tenant.runner.bind(py).clone()))
    }

    /// Act on what has come in.
    pub(super) fn drain(&self, py: Python<'_>) -> PyResult<()> {
        let tenant = self
            .tenant
            .with(py, |now| now.as_ref().map(|tenant| (tenant.drain, tenant.runner.clone_ref(py))));
        match tenant {
            Some((drain, runner)) => drain(runner.bind(py)),
            None => {
                // It was a knock.
                self.entry.take(&mut Default::default());
                Ok(())
            }
        }
    }

    /// Whether the tenant has taken the callback in hand.
    pub(super) fn finished_at_once(
        &self,
        callback: &Bound<'_, PyAny>,
        args: &[Bound<'_, PyAny>],
    ) -> PyResult<bool> {
        let finish =
            self.tenant.with(callback.py(), |now| now.as_ref().map(|tenant| tenant.finish_at_once));
        finish.map_or(Ok(false), |finish| finish(callback, args))
    }
}
