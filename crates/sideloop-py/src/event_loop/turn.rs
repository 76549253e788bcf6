//! One turn of the loop: wait, take what has become ready, run it.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::core::LoopCore;
use super::files::{Key, Side};
use super::handle;
use super::linger::{Linger, Next};
use super::looks::FirstLooks;
use super::overrides::Method;
use super::poller;
use super::timers::Timers;
use crate::policy::chain::after;
use crate::policy::deadline::bounded;
use crate::policy::errors::os_error;
use crate::python::detach::detached;
use crate::python::names::names;
use crate::system::clock::monotonic;
use crate::system::poller::Ready;

/// asyncio waits no longer than a day at once (`asyncio.base_events.MAXIMUM_SELECT_TIMEOUT`).
const LONGEST_WAIT: f64 = 24.0 * 3600.0;

/// While work is ready, the loop turns without a look at I/O for this long, in seconds: a look costs more
/// than a short turn (`benches/loop.py`, call_soon chain).
pub(super) const LONGEST_BLIND: f64 = 50e-6;

/// Run one turn: what `BaseEventLoop._run_once` does, waiting no more than `longest` seconds.
///
/// While a thread runs the loop, more turns follow until there is nothing ready, nor a file that has become so, or a
/// look at I/O is due: going back to `run_forever`, in Python, costs as much as a turn.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` from a callback, a signal handler's exception, and what a
/// selector raises.
pub(crate) fn run_once(slf: &Bound<'_, LoopCore>, longest: Option<f64>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    core.leave_outer_turn(py)?;
    if leaves_in_child(slf) {
        return Ok(());
    }
    let timeout = match (until_due(slf)?, longest) {
        (Some(timeout), Some(longest)) => Some(timeout.min(longest)),
        (timeout, longest) => timeout.or(longest),
    };
    wait(slf, timeout)?;
    if leaves_in_child(slf) {
        return Ok(());
    }
    take_due(slf)?;
    run_ready(slf)?;
    if longest.is_some() || !core.runs(py) || !LoopCore::keeps(slf, Method::RunOnce) {
        return Ok(());
    }
    let mut linger = Linger::default();
    loop {
        if core.is_stopping() {
            return Ok(());
        }
        if core.has_ready(slf.py()) {
            if !may_stay_blind(slf) {
                return Ok(());
            }
        } else if linger.wait(py, core) == Next::Take {
            drain(slf)?;
        } else if core.entry.is_about_callers() || !look_first(slf)? {
            return Ok(());
        }
        if leaves_in_child(slf) {
            return Ok(());
        }
        take_due(slf)?;
        run_ready(slf)?;
    }
}

/// Whether the thread leaves the loop here, since what has just run on it has forked, and this is the child.
fn leaves_in_child(slf: &Bound<'_, LoopCore>) -> bool {
    let core = slf.get();
    let leaves = core.is_alone(slf.py());
    if leaves {
        core.stop_turning();
    }
    leaves
}

/// How long the loop may wait for I/O, in seconds; None: until something comes.
fn until_due(slf: &Bound<'_, LoopCore>) -> PyResult<Option<f64>> {
    let core = slf.get();
    let scheduled = core.scheduled(slf.py())?;
    let timers = Timers::new(slf, &scheduled);
    let next = if scheduled.is_empty() {
        None
    } else {
        core.set_timers_cancelled(timers.prune(core.timers_cancelled())?);
        timers.first()
    };
    if core.has_ready(slf.py()) || core.is_stopping() {
        return Ok(Some(0.0));
    }
    let Some(next) = next else { return Ok(None) };
    let left = timers.when(&next)? - LoopCore::now(slf)?;
    // A time that is not a number is due at once, as before CPython 3.13; `clamp` would keep it.
    Ok(Some(if left > 0.0 { left.min(LONGEST_WAIT) } else { 0.0 }))
}

/// Make the timers that are due ready.
fn take_due(slf: &Bound<'_, LoopCore>) -> PyResult<()> {
    let core = slf.get();
    // The list may be another one each time: callbacks of a foreign selector are user code.
    let scheduled = core.scheduled(slf.py())?;
    let timers = Timers::new(slf, &scheduled);
    if timers.first().is_some() {
        let end = end_of_now(LoopCore::now(slf)?, core.clock_resolution());
        while let Some(first) = timers.first() {
            if timers.when(&first)? >= end {
                break;
            }
            if let Some(due) = timers.pop()? {
                core.push_ready(due);
            }
        }
    }
    Ok(())
}

/// Before when a timer is due now: as far as the clock can tell apart.
///
/// A clock that shows much (a simulated one, or the time of day) may be coarser than its resolution says,
/// and a sum with it end at the same float: such a timer would never be due while the clock stands still.
/// CPython looks so far since 3.15; nothing speaks for a loop that turns in vain before.
fn end_of_now(now: f64, resolution: f64) -> f64 {
    // Of what is no number, or has no end, the difference is no number, which `max` leaves aside.
    let ulp = f64::from_bits(now.abs().to_bits() + 1) - now.abs();
    now + resolution.max(ulp)
}

/// Whether work that is ready may go before the next look at I/O.
pub(crate) fn may_stay_blind(slf: &Bound<'_, LoopCore>) -> bool {
    let core = slf.get();
    monotonic() < core.polled() + LONGEST_BLIND && !core.entry.has_news()
}

/// Run what is ready now. What that makes ready runs in the next turn, after a look at I/O.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt` from a callback; those behind it stay ready.
pub(crate) fn run_ready(slf: &Bound<'_, LoopCore>) -> PyResult<()> {
    let core = slf.get();
    core.outbox.open();
    let done = run_all(slf);
    core.shut_outbox(slf.py(), done)
}

fn run_all(slf: &Bound<'_, LoopCore>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let ready = core.ready_len(py);
    if ready > 0 {
        // A caller waits for none of it.
        core.entry.publish_and_go_on();
    }
    for _ in 0..ready {
        let Some(ready) = core.pop_ready(py) else { break };
        if core.is_debug() {
            run_watched(slf, &ready)?;
        } else {
            handle::run(slf, &ready)?;
            handle::let_go(ready);
        }
        if leaves_in_child(slf) {
            break;
        }
    }
    Ok(())
}

/// Run a handle in debug mode: a callback that blocks the loop for long is logged.
///
/// No Python code but the callback's own is run for that: a signal handler could raise in it, before the callback
/// has begun, and a task's step would never be made.
fn run_watched(slf: &Bound<'_, LoopCore>, handle: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, core) = (slf.py(), slf.get());
    let started = LoopCore::now(slf)?;
    core.current_handle.set(py, Some(handle.clone().unbind()));
    let ran = handle::run(slf, handle);
    core.current_handle.set(py, None);
    // What a signal handler has raised while work was put on the loop.
    let ran = match (ran, core.interrupt.take(py)) {
        (ran, None) => ran,
        (Ok(()), Some(error)) => Err(PyErr::from_value(error.into_bound(py))),
        (Err(before), Some(error)) => {
            Err(after(py, PyErr::from_value(error.into_bound(py)), before))
        }
    };
    ran?;
    let took = LoopCore::now(slf)? - started;
    if took >= slf.getattr("slow_callback_duration")?.extract::<f64>()? {
        let module = py.import("sideloop._loops.event_loop")?;
        module.call_method1("report_slow_callback", (handle, took))?;
    }
    Ok(())
}

/// Take the files that have become ready while the turn ran, without letting go of the interpreter. Whether there was
/// something; if not, the loop is to wait.
fn look_first(slf: &Bound<'_, LoopCore>) -> PyResult<bool> {
    let (py, core) = (slf.py(), slf.get());
    let entry = &*core.entry;
    let Some(poller) = core.poller() else { return Ok(false) };
    if !core.looks.with(py, FirstLooks::is_due) {
        return Ok(false);
    }
    // For what is waited for without Python code in between, where they would be seen to.
    py.check_signals()?;
    LoopCore::rearm(slf)?;
    let found = poller::look(entry, poller).map_err(|error| os_error(&error))?;
    let note = if found.is_empty() { FirstLooks::was_vain } else { FirstLooks::has_found };
    core.looks.with(py, note);
    // The bell is heard once, and may just have been.
    if found.is_empty() && !entry.has_news() {
        return Ok(false);
    }
    take(slf, &found)?;
    Ok(true)
}

/// Wait for I/O, messages or the end of the timeout, and make the callbacks ready.
fn wait(slf: &Bound<'_, LoopCore>, timeout: Option<f64>) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let entry = &*core.entry;
    let Some(poller) = core.poller() else {
        let selector = slf.getattr(names(py).selector.bind(py))?;
        entry.publish();
        let events = selector.call_method1(names(py).select.bind(py), (timeout,))?;
        slf.call_method1(names(py).process_events.bind(py), (events,))?;
        return drain(slf);
    };
    let found = if timeout == Some(0.0) {
        let now = monotonic();
        if now < core.polled() + LONGEST_BLIND && !entry.has_news() {
            entry.publish_and_go_on();
            return Ok(());
        }
        core.set_polled(now);
        LoopCore::rearm(slf)?;
        poller::look(entry, poller)
    } else {
        // The kernel's timeout counts milliseconds here, as in `selectors`; rounded down, the loop
        // would turn without rest until a timer is due.
        let timeout = timeout.map(|seconds| bounded((seconds * 1e3).ceil() * 1e-3));
        LoopCore::rearm(slf)?;
        core.looks.with(py, FirstLooks::lets_go);
        let found = detached(py, || poller::wait(entry, poller, timeout));
        // It may have been a signal that ended the wait.
        py.check_signals()?;
        found
    }
    .map_err(|error| os_error(&error))?;
    take(slf, &found)
}

/// Take what the kernel says, and the calls that have come in.
fn take(slf: &Bound<'_, LoopCore>, found: &[Ready]) -> PyResult<()> {
    // First, since a call may close a file and open another by its number.
    if !found.is_empty() {
        process(slf, found)?;
    }
    drain(slf)
}

/// Start the calls that have come in, if a runner serves this loop.
fn drain(slf: &Bound<'_, LoopCore>) -> PyResult<()> {
    let core = slf.get();
    if !core.entry.has_news() {
        return Ok(());
    }
    core.outbox.open();
    let done = core.drain(slf.py());
    core.shut_outbox(slf.py(), done)
}

/// Make the callbacks of ready files ready.
fn process(slf: &Bound<'_, LoopCore>, found: &[Ready]) -> PyResult<()> {
    let py = slf.py();
    let core = slf.get();
    let Some(keys) = core.keys(py) else { return Ok(()) };
    core.note_told(py, found);
    if !LoopCore::keeps(slf, Method::ProcessEvents) || !LoopCore::keeps(slf, Method::AddCallback) {
        let events = PyList::new(py, [(); 0])?;
        for ready in found {
            if let Some(key) = keys.get_item(ready.fd)? {
                let mask = ready.mask & Key::read(&key)?.events;
                events.append((key, mask))?;
            }
        }
        return slf.call_method1(names(py).process_events.bind(py), (events,)).map(drop);
    }
    for ready in found {
        let Some(key) = keys.get_item(ready.fd)? else { continue };
        let key = Key::read(&key)?;
        for side in [Side::Reader, Side::Writer] {
            if ready.mask & key.events & side.bit() == 0 {
                continue;
            }
            let callback = key.callback(side)?;
            if callback.is_none() {
                continue;
            }
            if handle::is_cancelled(&callback)? {
                match side {
                    Side::Reader => slf.call_method1("_remove_reader", (&key.file,))?,
                    Side::Writer => slf.call_method1("_remove_writer", (&key.file,))?,
                };
            } else {
                core.push_ready(callback);
            }
        }
    }
    Ok(())
}
