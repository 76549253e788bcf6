//! The last step of an iterator or a context manager.

use pyo3::prelude::*;
use sideloop_core::host::{Close, Kind};

use super::put::close_soon;
use super::step::{busy, step_seated};
use crate::model::{Drive, Host, State};

/// Run the last step of an iterator, unless it is over.
pub(super) fn close_with(host: &Bound<'_, Host>, async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    match host.get().with(host.py(), State::close) {
        Close::Over => Ok(()),
        Close::Seated => step_seated(host, Kind::Close, async_fn.as_unbound(), None).map(drop),
        Close::Taken => Err(busy(host)),
    }
}

/// The same, and do not wait. Where the calling thread drives the loop it runs here, since it would
/// wait for the next call otherwise.
pub(super) fn collect_with(host: &Bound<'_, Host>, async_fn: &Bound<'_, PyAny>) {
    let Some(core) = host.get().core.get().map(|core| core.bind(host.py()).get()) else { return };
    let here = match &core.drive {
        Drive::Caller(driver) => driver.is_mine() && !driver.is_driving(),
        Drive::Thread | Drive::Other(_) => false,
    };
    // Nobody would wait for the end of a step that was left behind.
    if !here || !core.entry.accepts() || host.get().with(host.py(), |state| state.is_left_behind())
    {
        close_soon(host, async_fn.as_unbound(), None);
    } else if let Err(error) = close_with(host, async_fn) {
        error.write_unraisable(host.py(), Some(host));
    }
}

#[pymethods]
impl Host {
    /// Await `async_fn()` as the last step, and do not wait: from a finalizer.
    fn collect(slf: &Bound<'_, Self>, async_fn: &Bound<'_, PyAny>) {
        collect_with(slf, async_fn);
    }
}
