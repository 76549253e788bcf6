//! A transport whose state is kept in Rust: how its fields are read and replaced.

use pyo3::PyClass;
use pyo3::prelude::*;

/// What most fields hold.
pub(super) type Object = Option<Py<PyAny>>;

/// A class of transports, each of which has a state of its own.
pub(super) trait Keeps: PyClass {
    type State;

    /// Look at the state, or change it.
    ///
    /// # Errors
    /// If the transport has none, since it is half made.
    fn look<R>(slf: &Bound<'_, Self>, inside: impl FnOnce(&mut Self::State) -> R) -> PyResult<R>;

    /// What is held there.
    fn held<T>(
        slf: &Bound<'_, Self>,
        which: impl FnOnce(&Self::State) -> &Option<Py<T>>,
    ) -> PyResult<Option<Py<T>>> {
        let py = slf.py();
        Self::look(slf, |state| which(state).as_ref().map(|held| held.clone_ref(py)))
    }

    /// Hold something else there. What was held is dropped after.
    fn hold<T>(
        slf: &Bound<'_, Self>,
        value: Option<Py<T>>,
        which: impl FnOnce(&mut Self::State) -> &mut Option<Py<T>>,
    ) -> PyResult<()> {
        let before = Self::look(slf, |state| std::mem::replace(which(state), value))?;
        drop(before);
        Ok(())
    }
}
