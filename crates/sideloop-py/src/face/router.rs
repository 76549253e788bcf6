//! Run a call on the runner that serves the caller.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::serving::serving;
use super::step::run_alone;
use crate::caller::{Run, run};
use crate::model::{Router, Variables};
use crate::policy::async_fn::check_async_fn;

#[pymethods]
impl Router {
    /// Run a call to its end: `async_fn(*args, **kwargs)` on a loop thread. Blocks, detached.
    ///
    /// A call whose runner went away before the user's function was called goes to another.
    fn run(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        run_for(slf, async_fn, args, kwargs)
    }
}

/// The same, for other ways in.
///
/// # Errors
/// What the call raises.
pub(super) fn run_for(
    router: &Bound<'_, Router>,
    async_fn: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    check_async_fn(async_fn)?;
    let kept = match &router.get().variables {
        Variables::Copied => None,
        // A step of a host knows the context that it has run in.
        Variables::BroughtBack => return run_alone(router, async_fn, args, kwargs),
        Variables::Kept(context) => Some(context),
    };
    loop {
        let core = serving(router.get(), async_fn)?;
        match run(&core, async_fn, args, kwargs, kept)? {
            Run::Value(value) => return Ok(value),
            Run::NotStarted => {}
        }
    }
}
