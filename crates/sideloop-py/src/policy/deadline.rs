//! Time limits: each belongs to the calls that are made inside of its block.
//!
//! A context variable holds the limit of the innermost block, and that the one of the block around it. Copies
//! of the context, which tasks and callbacks keep, may outlive the block: so the limit itself knows whether its
//! block is open, and one that is not limits nothing, wherever it is still found.
//!
//! Does not work: to reset the variable at the end of the block. Tasks keep what they have copied, and a block
//! in a generator may end in another context than it has begun in.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyTimeoutError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::policy::errors::{made, name_of};
use crate::python::context;
use crate::python::dictionary;

static VARIABLE: OnceLock<Py<PyAny>> = OnceLock::new();

/// Make the context variable, at import.
///
/// # Errors
/// What importing `contextvars` raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let options = dictionary::empty(py)?;
    options.set_item("default", py.None())?;
    let class = py.import("contextvars")?.getattr("ContextVar")?;
    let variable = class.call(("sideloop.limit",), Some(&options))?;
    let _ = VARIABLE.set(variable.unbind());
    Ok(())
}

/// Whether this is the variable that holds the limit.
pub(crate) fn is_variable(variable: &Bound<'_, PyAny>) -> bool {
    VARIABLE.get().is_some_and(|own| variable.is(own))
}

/// One time limit, from entering its block to leaving it; the base of `sideloop.timeout`.
///
/// Entered and left without Python code, in which a signal handler could raise and leave it in force for ever.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct Limit {
    /// The duration that the user gave, in seconds.
    seconds: f64,
    /// What a call gets to unwind, if not its runner's grace. A limit that has one stands alone: the limits
    /// around it wait for its end.
    grace: Option<Duration>,
    /// Since its block was entered.
    entered: OnceLock<Entered>,
    /// Whether the block has been left.
    over: AtomicBool,
}

struct Entered {
    at: Instant,
    /// The limit around this one.
    outer: Option<Py<Limit>>,
}

/// When a call must have ended.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    /// The instant.
    pub(crate) at: Instant,
    seconds: f64,
    /// What the call gets to unwind, if not its runner's grace.
    pub(crate) grace: Option<Duration>,
}

impl Deadline {
    /// The error for a call that did not end in time.
    pub(crate) fn missed(self, py: Python<'_>, call: &str) -> PyErr {
        made::<PyTimeoutError>(py, (format!("{call} did not end within {} s", self.seconds),))
    }

    /// The error for a call that would begin too late.
    fn passed(self, call: &str) -> PyErr {
        let seconds = self.seconds;
        PyTimeoutError::new_err(format!(
            "{call} was not started: its time limit of {seconds} s is over"
        ))
    }
}

#[pymethods]
impl Limit {
    #[new]
    fn new(seconds: &Bound<'_, PyAny>) -> PyResult<Self> {
        if !seconds.hasattr("__float__")? {
            return Err(PyTypeError::new_err(format!(
                "a timeout is a number of seconds, and this is none: {}",
                seconds.repr()?
            )));
        }
        if !seconds.ge(0)? {
            return Err(PyValueError::new_err(format!(
                "a timeout is a number of seconds that is not negative: {}",
                seconds.repr()?
            )));
        }
        Ok(Self::lasting(seconds.extract()?, None))
    }

    /// One for what has `seconds` in all, whatever limits are in force: the last `grace` of them to unwind.
    #[staticmethod]
    fn alone(seconds: f64, grace: f64) -> Self {
        Self::lasting(seconds, Some(bounded(grace)))
    }

    /// Enter the block: limit the calls that are made here from now on.
    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, limit) = (slf.py(), slf.get());
        let outer = in_force(py)?.map(Bound::unbind);
        let before_grace = bounded(limit.seconds).saturating_sub(limit.grace.unwrap_or_default());
        if limit.entered.set(Entered { at: Instant::now() + before_grace, outer }).is_err() {
            return Err(PyRuntimeError::new_err(format!(
                "this sideloop.timeout({}) was entered before: make one for each block",
                limit.seconds
            )));
        }
        set(py, Some(slf))
    }

    /// The seconds that are left of the nearest limit. None if there is no end of them.
    fn left(&self) -> Option<f64> {
        let deadline = self.deadline()?;
        Some(deadline.at.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    /// The error for a call that did not end in time.
    fn missed<'py>(&self, py: Python<'py>, async_fn: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let at = Deadline { at: Instant::now(), seconds: self.seconds, grace: None };
        let error = self.deadline().unwrap_or(at).missed(py, &name_of(async_fn));
        error.into_value(py).into_bound(py).into_any()
    }

    /// Leave the block, from any thread and in any context.
    fn __exit__(
        &self,
        kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if self.entered.get().is_none() {
            return Ok(());
        }
        self.end();
        in_force(kind.py()).map(drop)
    }
}

impl Limit {
    fn lasting(seconds: f64, grace: Option<Duration>) -> Self {
        Self { seconds, grace, entered: OnceLock::new(), over: AtomicBool::new(false) }
    }

    /// A limit for a step that cleans up: as the one in force, but the step has the grace at least.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn for_cleanup<'py>(
        limit: &Bound<'py, Self>,
        grace: Duration,
    ) -> PyResult<Option<Bound<'py, Self>>> {
        let Some(deadline) = limit.get().deadline() else { return Ok(None) };
        let at = deadline.at.max(Instant::now() + grace);
        let cleanup = Self::lasting(deadline.seconds, deadline.grace);
        let _ = cleanup.entered.set(Entered { at, outer: None });
        Bound::new(limit.py(), cleanup).map(Some)
    }

    /// The block is left: nothing is limited by it any more.
    pub(crate) fn end(&self) {
        // ORDERING: Relaxed: nothing else is published by it.
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The nearest deadline of the blocks that are open.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let mut nearest: Option<Deadline> = None;
        let mut next = Some(self);
        while let Some(limit) = next {
            let Some(Entered { at, outer }) = limit.entered.get() else { break };
            let is_open = !limit.is_over();
            if is_open && nearest.is_none_or(|nearest| *at < nearest.at) {
                nearest = Some(Deadline { at: *at, seconds: limit.seconds, grace: limit.grace });
            }
            next = outer.as_ref().filter(|_| !is_open || limit.grace.is_none()).map(Py::get);
        }
        nearest
    }

    fn outer(&self) -> Option<&Py<Self>> {
        self.entered.get()?.outer.as_ref()
    }
}

/// The limit in force here: that of the innermost open block.
///
/// # Errors
/// What reading or setting a context variable raises.
pub(crate) fn in_force(py: Python<'_>) -> PyResult<Option<Bound<'_, Limit>>> {
    let Some(found) = get(py)? else { return Ok(None) };
    if !found.get().is_over() {
        return Ok(Some(found));
    }
    let mut next = Some(found);
    while let Some(limit) = next.take_if(|limit| limit.get().is_over()) {
        next = limit.get().outer().map(|outer| outer.bind(py).clone());
    }
    // What is over is not looked at again.
    set(py, next.as_ref())?;
    Ok(next)
}

/// The limit in force here, for a call that is about to be made.
///
/// # Errors
/// `TimeoutError` if it is over: the function is not started then.
pub(crate) fn at_the_door<'py>(
    async_fn: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, Limit>>> {
    let limit = in_force(async_fn.py())?;
    if let Some(deadline) = limit.as_ref().and_then(|limit| limit.get().deadline())
        && deadline.at <= Instant::now()
    {
        return Err(deadline.passed(&name_of(async_fn)));
    }
    Ok(limit)
}

/// The time limit in force here. Raises `TimeoutError` if it is over.
#[pyfunction]
pub(crate) fn check_time<'py>(async_fn: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Limit>>> {
    at_the_door(async_fn)
}

/// Set the limit in another context.
///
/// # Errors
/// `RuntimeError` while somebody else is in there.
pub(crate) fn give(within: &Bound<'_, PyAny>, limit: Option<&Bound<'_, Limit>>) -> PyResult<()> {
    context::enter(within, || set(within.py(), limit))
}

fn get(py: Python<'_>) -> PyResult<Option<Bound<'_, Limit>>> {
    let Some(variable) = VARIABLE.get() else { return Ok(None) };
    let found = context::get(variable.bind(py))?;
    Ok(found.map(Bound::cast_into::<Limit>).transpose()?)
}

fn set(py: Python<'_>, limit: Option<&Bound<'_, Limit>>) -> PyResult<()> {
    let Some(variable) = VARIABLE.get() else { return Ok(()) };
    context::set(variable.bind(py), limit.map(Bound::as_any))
}

/// A duration from seconds, cut to what an `Instant` can carry: a year stands for ever.
pub(crate) fn bounded(seconds: f64) -> Duration {
    const YEAR: f64 = 365.0 * 86400.0;
    Duration::try_from_secs_f64(seconds.clamp(0.0, YEAR)).unwrap_or(Duration::ZERO)
}
