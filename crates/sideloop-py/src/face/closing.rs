//! The last step of an iterator or a context manager.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;

use super::put::close_soon;
use super::step::step;
use crate::model::{Drive, Host, Kind, Place};

/// Run the last step of an iterator, unless it is over.
pub(super) fn close_with(host: &Bound<'_, Host>, async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
    let inside = host.get();
    let new = {
        let mut inner = inside.inner();
        let new = matches!(inner.place, Place::New) && !inside.busy.load(Ordering::Relaxed);
        if new {
            inner.place = Place::Over;
        }
        new || (matches!(inner.place, Place::Over) && inner.ready.is_empty())
    };
    if new { Ok(()) } else { step(host, Kind::Close, async_fn.as_unbound(), None).map(drop) }
}

/// The same, and do not wait. Where the calling thread drives the loop it runs here, since it would
/// wait for the next call otherwise.
pub(super) fn collect_with(host: &Bound<'_, Host>, async_fn: &Bound<'_, PyAny>) {
    let Some(core) = host.get().core.get().map(|core| core.bind(host.py()).get()) else { return };
    let here = match &core.drive {
        Drive::Caller(driver) => driver.is_mine() && !driver.is_driving(),
        Drive::Thread | Drive::Other(_) => false,
    };
    if !here || !core.entry.accepts() {
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
