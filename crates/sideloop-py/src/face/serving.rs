//! Which runner serves a caller.

use pyo3::prelude::*;

use crate::caller::end_own;
use crate::model::{Router, RunnerCore};
use crate::policy::deadline;
use crate::policy::errors::check_not_finalizing;
use crate::python::names::names;

/// The runner that serves the calling thread, and takes calls.
///
/// # Errors
/// What making one raises, and `PythonFinalizationError` while the interpreter shuts down.
pub(super) fn serving<'py>(
    router: &Router,
    async_fn: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, RunnerCore>> {
    let py = async_fn.py();
    let found = match router.slot.bind(py).getattr_opt(names(py).core.bind(py))? {
        Some(core) => {
            let core = core.cast_into::<RunnerCore>()?;
            if core.get().entry.accepts() && !core.get().driving() {
                return Ok(core);
            }
            Some(core)
        }
        None => None,
    };
    deadline::at_the_door(async_fn)?;
    check_not_finalizing(async_fn)?;
    if let Some(core) = &found {
        // What another thread has closed unwinds before anything else happens here.
        end_own(py, core.get())?;
    }
    Ok(router.serve.bind(py).call1((async_fn,))?.cast_into::<RunnerCore>()?)
}
