//! Cancel what a thread waits for: whoever it works for has given up.

use pyo3::prelude::*;

use crate::caller::stop;
use crate::model::RunnerCore;

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
            stop(call)?;
        }
        Ok(())
    }
}
