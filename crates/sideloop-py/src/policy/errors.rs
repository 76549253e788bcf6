//! Our own errors, defined in Python (`sideloop._base.errors`) and raised from here.

use std::sync::OnceLock;

use pyo3::PyTypeInfo;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyTuple};

use crate::python::names::names;

/// The errors this side raises, by what makes them in `sideloop._base.errors`.
#[derive(Clone, Copy)]
pub(crate) enum Error {
    /// `cut_off_error(runner, call)`: a `RunnerClosedError`
    RunnerClosed,
    /// `loop_stopped_error(runner, call, reason)`: a `LoopStoppedError`
    LoopStopped,
    /// `loop_never_ran_error(runner, call, reason)`: a `LoopStoppedError`
    LoopNeverRan,
    /// `deadlock_error(through, call, chain)`: a `DeadlockError`
    Deadlock,
    /// `host_gone_error(loop, call, how)`: a `LoopStoppedError`
    HostGone,
    HostIdle,
    /// `not_async_error(call, found)`: a `TypeError`
    NotAsync,
}

impl Error {
    fn maker(self) -> &'static str {
        match self {
            Self::RunnerClosed => "cut_off_error",
            Self::LoopStopped => "loop_stopped_error",
            Self::LoopNeverRan => "loop_never_ran_error",
            Self::Deadlock => "deadlock_error",
            Self::HostGone => "host_gone_error",
            Self::HostIdle => "host_idle_error",
            Self::NotAsync => "not_async_error",
        }
    }

    /// The error, ready to be raised, or what kept it from being made.
    pub(crate) fn raise<'py>(
        self,
        py: Python<'py>,
        args: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
    ) -> PyErr {
        let made = || -> PyResult<PyErr> {
            let maker = errors(py)?.getattr(self.maker())?;
            Ok(PyErr::from_value(maker.call1(args.into_pyobject(py)?)?))
        };
        made().unwrap_or_else(|error| error)
    }
}

/// Where our errors are made. Looked up before they are needed: finalizers get them when the modules are gone.
static ERRORS: OnceLock<Py<PyModule>> = OnceLock::new();

/// Look it up.
///
/// # Errors
/// What the import raises.
pub(crate) fn errors(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    if let Some(known) = ERRORS.get() {
        return Ok(known.bind(py));
    }
    let found = py.import("sideloop._base.errors")?.unbind();
    // Not what fills itself and detaches meanwhile: see `names.rs`.
    Ok(ERRORS.get_or_init(|| found).bind(py))
}

/// `sys.is_finalizing`, and the class of the error for calls made then. Looked up at import, since the
/// modules may be gone when they are needed.
static FINALIZATION: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

/// Look up what `check_not_finalizing` needs.
pub(crate) fn prepare_finalization(py: Python<'_>) -> PyResult<()> {
    let is_finalizing = py.import("sys")?.getattr("is_finalizing")?.unbind();
    let builtins = py.import("builtins")?;
    // PythonFinalizationError is a RuntimeError, and new in CPython 3.13.
    let class = match builtins.getattr_opt("PythonFinalizationError")? {
        Some(class) => class,
        None => builtins.getattr("RuntimeError")?,
    };
    let _ = FINALIZATION.set(py, (is_finalizing, class.unbind()));
    Ok(())
}

/// Refuse a call that would start a loop while the interpreter is taken down: no thread starts then.
///
/// # Errors
/// `PythonFinalizationError`, which is a `RuntimeError` before CPython 3.13.
#[pyfunction]
pub(crate) fn check_not_finalizing(async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = async_fn.py();
    let Some((is_finalizing, class)) = FINALIZATION.get(py) else { return Ok(()) };
    if !is_finalizing.call0(py)?.is_truthy(py)? {
        return Ok(());
    }
    let message = format!(
        "{} was not started: the interpreter is shutting down, and its loops are closed; make the call \
         before, in an atexit handler for example",
        name_of(async_fn)
    );
    Err(PyErr::from_value(class.bind(py).call1((message,))?))
}

/// An exception that is there already. One that PyO3 makes when it is looked at has it detach meanwhile: on a daemon
/// thread, which does not come back from there when the interpreter ends, or finds none any more.
pub(crate) fn made<'py, E: PyTypeInfo>(py: Python<'py>, args: impl PyCallArgs<'py>) -> PyErr {
    match py.get_type::<E>().call1(args) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// The error for a fork's child that finds a call of the parent's.
pub(crate) fn begun_before_fork(call: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "{call} was begun before the fork, on a loop of the parent process; begin it anew"
    ))
}

/// A system call's error, as the `OSError` that Python's own would raise.
pub(crate) fn os_error(error: &std::io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(code) => {
            // Rust's text ends with " (os error 9)", which Python says before.
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((code, text))
        }
        None => PyOSError::new_err(error.to_string()),
    }
}

/// What to call a call in messages: the function's qualified name, or its `repr`.
pub(crate) fn name_of(async_fn: &Bound<'_, PyAny>) -> String {
    let names = names(async_fn.py());
    let named = |object: &Bound<'_, PyAny>| -> PyResult<String> {
        let qualname: String = object.getattr(&names.qualname)?.extract()?;
        let module: Option<String> =
            object.getattr(&names.module).and_then(|module| module.extract()).unwrap_or(None);
        Ok(module.map_or(format!("{qualname}()"), |module| format!("{module}.{qualname}()")))
    };
    // A partial has no name of its own.
    named(async_fn)
        .or_else(|_| named(&async_fn.getattr(&names.func)?))
        .unwrap_or_else(|_| async_fn.repr().map_or("the call".into(), |repr| repr.to_string()))
}

/// The same, for the Python side.
#[pyfunction]
pub(crate) fn call_name(async_fn: &Bound<'_, PyAny>) -> String {
    name_of(async_fn)
}
