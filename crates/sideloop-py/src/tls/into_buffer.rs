//! The way in to a protocol that has a buffer of its own (`asyncio.BufferedProtocol`).

use pyo3::prelude::*;
use pyo3::types::PySlice;

use super::core::TlsCore;
use super::engine::{self, Filled};

/// Read what there is and the buffer has room for. Returns whether nothing more will come.
///
/// # Errors
/// What OpenSSL says of a record, and what the protocol raises.
pub(super) fn read_into_buffer(slf: &Bound<'_, TlsCore>) -> PyResult<bool> {
    let py = slf.py();
    let core = slf.get();
    let engine = core.needed(py, |state| &state.engine)?;
    let incoming = core.needed(py, |state| &state.incoming)?;
    let there = engine::pending(&incoming)?;
    let room = slf.getattr("_app_protocol_get_buffer")?.call1((there,))?;
    let length = room.len()?;
    let mut filled: usize = 0;
    let is_end = loop {
        let rest = if filled == 0 {
            room.clone()
        } else {
            room.get_item(py.get_type::<PySlice>().call1((filled, py.None()))?)?
        };
        match engine::read_into(&engine, length.saturating_sub(filled), &rest)? {
            Filled::Some(count) => filled += count,
            Filled::Nothing => break false,
            Filled::End => break true,
        }
        if filled >= length {
            // There may be more.
            let next = slf.getattr("_do_read")?;
            slf.getattr("_loop")?.call_method1("call_soon", (next,))?;
            break false;
        }
        if engine::pending(&incoming)? == 0 && !engine::has_some(&engine)? {
            break false;
        }
    };
    if filled > 0 {
        slf.getattr("_app_protocol_buffer_updated")?.call1((filled,))?;
    }
    Ok(is_end)
}
