//! Cancel what a thread waits for: whoever it works for has given up.

use pyo3::prelude::*;
use sideloop_core::phase::Cancel;

use crate::finish::withdraw;
use crate::model::RunnerCore;
use crate::send::send;

#[pymethods]
impl RunnerCore {
    /// Cancel the call that a thread waits for here, if it does. It gets what comes of that.
    fn cancel_wait_of(slf: &Bound<'_, Self>, caller: u64) -> PyResult<()> {
        let py = slf.py();
        let running = slf
            .get()
            .running
            .with(py, |calls| calls.values().map(|call| call.clone_ref(py)).collect::<Vec<_>>());
        let waited_for = running
            .iter()
            .map(|call| call.bind(py))
            .filter(|call| call.get().caller == caller && call.get().is_waited_for(py));
        for call in waited_for {
            match withdraw(call) {
                // A closed entry cancels all its tasks anyway.
                Cancel::Interrupt => send(call).map(drop)?,
                Cancel::NeverRan | Cancel::Nothing => {}
            }
        }
        Ok(())
    }
}
