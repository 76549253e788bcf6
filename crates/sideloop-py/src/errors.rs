//! Our own errors, defined in Python (`sideloop._errors`) and raised from here.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The errors this side raises, by what makes them in `sideloop._errors`.
#[derive(Clone, Copy)]
pub(crate) enum Error {
    /// `RunnerClosedError(runner, call, started)`
    RunnerClosed,
    /// `LoopStoppedError(runner, call, reason)`
    LoopStopped,
    /// `DeadlockError(runner, call)`
    Deadlock,
    /// `not_async_error(call, found)`: a `TypeError`
    NotAsync,
}

impl Error {
    fn maker(self) -> &'static str {
        match self {
            Self::RunnerClosed => "RunnerClosedError",
            Self::LoopStopped => "LoopStoppedError",
            Self::Deadlock => "DeadlockError",
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
            let maker = py.import("sideloop._errors")?.getattr(self.maker())?;
            Ok(PyErr::from_value(maker.call1(args.into_pyobject(py)?)?))
        };
        made().unwrap_or_else(|error| error)
    }
}

/// A system call's error, as the `OSError` that Python's own would raise.
pub(crate) fn os_error(error: &std::io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(code) => PyOSError::new_err((code, error.to_string())),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// What to call a call in messages: the function's qualified name, or its `repr`.
pub(crate) fn name_of(async_fn: &Bound<'_, PyAny>) -> String {
    let named = |object: &Bound<'_, PyAny>| -> PyResult<String> {
        let qualname: String = object.getattr("__qualname__")?.extract()?;
        let module: Option<String> =
            object.getattr("__module__").and_then(|module| module.extract()).unwrap_or(None);
        Ok(module.map_or(format!("{qualname}()"), |module| format!("{module}.{qualname}()")))
    };
    // A partial has no name of its own.
    named(async_fn)
        .or_else(|_| named(&async_fn.getattr("func")?))
        .unwrap_or_else(|_| async_fn.repr().map_or("the call".into(), |repr| repr.to_string()))
}

/// The same, for the Python side.
#[pyfunction]
pub(crate) fn call_name(async_fn: &Bound<'_, PyAny>) -> String {
    name_of(async_fn)
}
