//! The class before asyncio's own, and how its state is looked at.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyAttributeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::state::{Object, State};
use crate::python::attached::Attached;

/// The pump of a TLS connection: a mixin to stand before asyncio's `SSLProtocol`.
///
/// All of its methods belong to the thread that runs the loop.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct TlsCore {
    state: Attached<State>,
    /// See `LoopCore`.
    made: AtomicBool,
}

impl TlsCore {
    /// Look at the state, or change it: see `Attached::with`.
    pub(super) fn with<R>(&self, py: Python<'_>, inside: impl FnOnce(&mut State) -> R) -> R {
        self.state.with(py, inside)
    }

    /// What is held there.
    pub(super) fn held(&self, py: Python<'_>, which: impl FnOnce(&State) -> &Object) -> Object {
        self.with(py, |state| which(state).as_ref().map(|held| held.clone_ref(py)))
    }

    /// The same, which has to be there.
    ///
    /// # Errors
    /// `AttributeError`, as where asyncio's own has None.
    pub(super) fn needed<'py>(
        &self,
        py: Python<'py>,
        which: impl FnOnce(&State) -> &Object,
    ) -> PyResult<Bound<'py, PyAny>> {
        let held = self.held(py, which);
        held.map(|held| held.into_bound(py)).ok_or_else(|| {
            PyAttributeError::new_err("a TLS connection that has not begun, or has ended")
        })
    }

    /// Hold something else there. What was held is dropped after.
    pub(super) fn hold(
        &self,
        value: &Bound<'_, PyAny>,
        which: impl FnOnce(&mut State) -> &mut Object,
    ) {
        let now = (!value.is_none()).then(|| value.clone().unbind());
        let before = self.with(value.py(), |state| std::mem::replace(which(state), now));
        drop(before);
    }

    /// Hold nothing there any more.
    pub(super) fn drop_held(&self, py: Python<'_>, which: impl FnOnce(&mut State) -> &mut Object) {
        let before = self.with(py, |state| which(state).take());
        drop(before);
    }
}

#[pymethods]
impl TlsCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: Attached::default(), made: AtomicBool::new(true) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        let all = |state: &State| state.objects().try_for_each(|held| visit.call(held));
        self.state.traverse(all).unwrap_or(Ok(()))
    }

    fn __clear__(&self, py: Python<'_>) {
        let dropped = self.with(py, std::mem::take);
        drop(dropped);
    }
}
