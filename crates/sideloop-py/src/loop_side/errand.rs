//! The end of an errand, on the loop: who awaits it is told.

use pyo3::prelude::*;

use crate::model::Errand;
use crate::policy::outcome::Outcome;
use crate::python::names::names;

/// As a callback of the loop.
#[pymethods]
impl Errand {
    /// The caller has run it, or will not. What nobody awaits any more is dropped, as by asyncio's executors.
    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, errand) = (slf.py(), slf.get());
        let future = errand.future.bind(py);
        let is_done = future.call_method0(names(py).done.bind(py))?.is_truthy()?;
        if !is_done && errand.is_told_later() {
            return errand.event_loop.call_method1(py, "call_soon", (slf,)).map(drop);
        }
        let outcome = match errand.take(py) {
            Some(outcome) => outcome,
            None if errand.is_refused(py) => Outcome::Value(py.None()),
            None => return Ok(()),
        };
        if is_done {
            return Ok(());
        }
        match outcome {
            Outcome::Value(value) => future.call_method1(names(py).set_result.bind(py), (value,)),
            Outcome::Error(error) => {
                future.call_method1(names(py).set_exception.bind(py), (error.into_value(py),))
            }
            Outcome::NotStarted => future.call_method0(names(py).cancel.bind(py)),
        }
        .map(drop)
    }
}
