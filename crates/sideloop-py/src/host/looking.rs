//! Those who wait until somebody waits for what a host does: code that reads ahead, and wants its caller.

use pyo3::prelude::*;

use crate::model::Host;
use crate::python::names::names;

/// Have them look again: a step has come in, or none will.
#[cold]
pub(super) fn look_again(host: &Host, py: Python<'_>) {
    for future in host.take_looking(py) {
        let future = future.bind(py);
        let told = future.call_method0(names(py).done.bind(py)).and_then(|done| {
            match done.is_truthy()? {
                true => Ok(()),
                false => future.call_method1(names(py).set_result.bind(py), (py.None(),)).map(drop),
            }
        });
        if let Err(error) = told {
            // Its loop is closed.
            error.write_unraisable(py, Some(future));
        }
    }
}
