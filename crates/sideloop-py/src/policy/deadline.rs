//! The deadline of the calls made here: a context variable, so that nested calls inherit it.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyTimeoutError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The context variable: a pair `(deadline, seconds)`, or None. The deadline is an instant of
/// `time.monotonic()`, the seconds are what the user asked for.
///
/// # Errors
/// What importing `contextvars` raises.
pub(crate) fn variable(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let variable = VARIABLE.get_or_try_init(py, || -> PyResult<_> {
        let options = pyo3::types::PyDict::new(py);
        options.set_item("default", py.None())?;
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        Ok(class.call(("sideloop.deadline",), Some(&options))?.unbind())
    })?;
    Ok(variable.bind(py).clone())
}

/// When the calls made here must have ended, and what was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    /// The instant.
    pub(crate) at: Instant,
    /// The duration that the user gave, in seconds.
    pub(crate) seconds: f64,
}

impl Deadline {
    /// The nearest deadline in force in the current context.
    ///
    /// # Errors
    /// `TypeError` if something else was stored in the variable.
    pub(crate) fn current(py: Python<'_>) -> PyResult<Option<Self>> {
        given(py)?.map(|given| Self::of(&given)).transpose()
    }

    /// What was set with the variable.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (at, seconds): (f64, f64) = given.extract()?;
        // Python's monotonic clock and Rust's are the same clock, but neither says so: only the
        // difference to now is carried over.
        let now: f64 = given.py().import("time")?.call_method0("monotonic")?.extract()?;
        let left = at - now;
        Ok(Self { at: Instant::now() + bounded(left), seconds })
    }

    /// The error for a call that did not end in time.
    pub(crate) fn missed(self, call: &str) -> PyErr {
        PyTimeoutError::new_err(format!("{call} did not end within {} s", self.seconds))
    }
}

/// What the variable has in the current context, if that is a deadline.
///
/// # Errors
/// What reading a context variable raises.
pub(crate) fn given(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let variable = variable(py)?;
    let mut found = std::ptr::null_mut();
    // SAFETY: attached, and `variable` is a `ContextVar`; on success `found` is a new reference, or
    // null if there is neither a value nor a default.
    let value = unsafe {
        if ffi::PyContextVar_Get(variable.as_ptr(), std::ptr::null_mut(), &raw mut found) != 0 {
            return Err(PyErr::fetch(py));
        }
        Bound::from_owned_ptr_or_opt(py, found)
    };
    Ok(value.filter(|value| !value.is_none()))
}

/// Set the variable in another context.
///
/// # Errors
/// `RuntimeError` while somebody else is in there.
pub(crate) fn give(context: &Bound<'_, PyAny>, given: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let variable = variable(context.py())?;
    crate::python::context::enter(context, || variable.call_method1("set", (given,)).map(drop))
}

/// A duration from seconds, cut to what an `Instant` can carry: a year stands for ever.
pub(crate) fn bounded(seconds: f64) -> Duration {
    const YEAR: f64 = 365.0 * 86400.0;
    Duration::try_from_secs_f64(seconds.clamp(0.0, YEAR)).unwrap_or(Duration::ZERO)
}
