//! The event loop that runs on a thread, as asyncio has it.
//!
//! Each call asks for it, and to ask asyncio's function costs an iterator's step a fortieth of its instructions
//! (counted by callgrind on CPython 3.11), and a system call up to there. asyncio's C code keeps it in the dictionary
//! of the thread's state, up to CPython 3.12: for as long as that has the version it had, the answer is the same. From
//! then on, and where asyncio runs without that code, it is asked each time. Which it is is tried out, once.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{Borrowed, ffi};

use super::attached::Attached;
use super::versions::version_of;

/// `asyncio._get_running_loop`, and whether what it answers is in the dictionary of the thread's state.
static GET_RUNNING_LOOP: OnceLock<(Py<PyAny>, bool)> = OnceLock::new();

/// What asyncio has answered, by the version: no two dictionaries have the same one.
static ANSWERS: Attached<[Option<Answer>; 32]> = Attached::new([None; 32]);

#[derive(Clone, Copy)]
struct Answer {
    /// Of the dictionary of the thread's state.
    version: u64,
    /// Where the loop is, which lives for as long as it runs; null if none does.
    running: usize,
}

/// Look up what `running_loop` asks, at import.
///
/// # Errors
/// What importing asyncio raises.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let events = py.import("asyncio.events")?;
    let get_running_loop = events.getattr("_get_running_loop")?;
    // SAFETY: attached; the check reads the object's type.
    let is_in_c = unsafe { ffi::PyCFunction_CheckExact(get_running_loop.as_ptr()) != 0 };
    let before = version_here(py);
    // What is kept in a dictionary is a new object each time, also of the same loop.
    events.getattr("_set_running_loop")?.call1((get_running_loop.call0()?,))?;
    let is_kept_there = is_in_c && before.is_some() && before != version_here(py);
    let _ = GET_RUNNING_LOOP.set((get_running_loop.unbind(), is_kept_there));
    Ok(())
}

/// The event loop that the calling thread runs, if it runs one: the innermost.
///
/// # Errors
/// What asking asyncio raises.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let version = version_of_answer(py);
    if known(py, version) == Some(0) { Ok(None) } else { ask(py, version) }
}

/// Whether the calling thread runs this loop, innermost. In a fork's child that is made by what runs on it, this may
/// still say so, where asyncio says that none runs.
///
/// # Errors
/// What asking asyncio raises.
pub(crate) fn runs_here(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = event_loop.py();
    let version = version_of_answer(py);
    match known(py, version) {
        Some(running) => Ok(running == event_loop.as_ptr() as usize),
        None => Ok(ask(py, version)?.is_some_and(|running| running.is(event_loop))),
    }
}

fn ask(py: Python<'_>, version: Option<u64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some((ask, _)) = GET_RUNNING_LOOP.get() else { return Ok(None) };
    let found = ask.bind(py).call0()?;
    let running = (!found.is_none()).then_some(found);
    if let Some(version) = version {
        let address = running.as_ref().map_or(0, |running| running.as_ptr() as usize);
        let answer = Answer { version, running: address };
        ANSWERS.with(py, |answers| answers[place_of(version)] = Some(answer));
    }
    Ok(running)
}

/// What asyncio has answered while the dictionary had this version.
fn known(py: Python<'_>, version: Option<u64>) -> Option<usize> {
    let version = version?;
    let last = ANSWERS.with(py, |answers| answers[place_of(version)]);
    last.filter(|answer| answer.version == version).map(|answer| answer.running)
}

/// One of 32 places. The last digits of a version are the same for all, from CPython 3.12 on: they are mixed (Fibonacci
/// hashing, Knuth, The Art of Computer Programming, volume 3, 6.4).
const fn place_of(version: u64) -> usize {
    (version.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 59) as usize
}

/// The version of the dictionary that has the answer; None where that is elsewhere.
fn version_of_answer(py: Python<'_>) -> Option<u64> {
    if GET_RUNNING_LOOP.get()?.1 { version_here(py) } else { None }
}

/// The version of the dictionary of the thread's state; None where it has none.
fn version_here(py: Python<'_>) -> Option<u64> {
    // SAFETY: attached; the dictionary is the thread's own, or null without memory for it, and lives for as long.
    unsafe {
        let kept = Borrowed::from_ptr_or_opt(py, ffi::PyThreadState_GetDict())?;
        version_of(&kept.cast_unchecked::<PyDict>())
    }
}
