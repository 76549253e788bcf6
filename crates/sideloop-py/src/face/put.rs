//! Put a step in that nobody waits for.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::model::{Answer, Call, Host, Kind, Step, Work};
use crate::send::send;

/// Have the last step run, and do not wait for it. From any thread, whatever runs there.
pub(super) fn close_soon(
    host: &Bound<'_, Host>,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) {
    put(host, Kind::Collect, async_fn, args);
}

/// Put a step in that nobody waits for.
pub(super) fn put(
    host: &Bound<'_, Host>,
    kind: Kind,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) {
    let (py, inside) = (host.py(), host.get());
    // Without a core no step has begun. One that was inherited through a fork is the parent's.
    let Some(core) = inside.core.get().map(|core| core.bind(py)) else { return };
    if !core.get().entry.accepts() || inside.is_over() {
        return;
    }
    let step = Step::new(host, kind, async_fn, args);
    let name = inside.async_fn.bind(py);
    let call =
        Call::new(core.clone().unbind(), name, Work::Step(step), Answer::Nobody, Instant::now());
    let Ok(call) = Bound::new(py, call) else { return };
    // Refused: what is left unwinds.
    let _ = send(&call);
}
