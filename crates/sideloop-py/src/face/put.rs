//! Put something in for a host that nobody waits for.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sideloop_core::host::Kind;

use crate::model::{Answer, Call, Host, State, Step, Work};
use crate::send::send;

/// Have the last step run, and do not wait for it. From any thread, whatever runs there.
pub(super) fn close_soon(
    host: &Bound<'_, Host>,
    async_fn: &Py<PyAny>,
    args: Option<&Bound<'_, PyTuple>>,
) {
    put(host, Work::Step(Step::new(host, Kind::Collect, async_fn, args)));
}

/// Have more items made.
pub(super) fn refill(host: &Bound<'_, Host>) {
    put(host, Work::Refill(host.clone().unbind()));
}

fn put(host: &Bound<'_, Host>, work: Work) {
    let (py, inside) = (host.py(), host.get());
    // Without a core no step has begun. One that was inherited through a fork is the parent's.
    let Some(core) = inside.core.get().map(|core| core.bind(py)) else { return };
    if !core.get().entry.accepts() || inside.with(py, |state| State::is_over(state)) {
        return;
    }
    let name = inside.async_fn.bind(py);
    let call = Call::new(core.clone().unbind(), name, work, Answer::Nobody, Instant::now());
    let Ok(call) = Bound::new(py, call) else { return };
    // Refused: what is left unwinds.
    let _ = send(&call);
}
