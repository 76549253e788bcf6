//! Drive the loop: the caller runs it itself, while it waits.

use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sideloop_core::phase::{Abandon, Cancel};

use super::aside::Outer;
use super::errand::{refuse, serve, tell_cut_off};
use super::nesting::circle;
use super::report::report_slow;
use super::waiting::outcome_of;
use crate::event_loop::{LoopCore, turn};
use crate::finish::{leave, withdraw};
use crate::loop_side::cancel::cancel;
use crate::loop_side::start::{FirstStepBy, start};
use crate::loop_side::unwind::is_outcome;
use crate::model::{Call, Chain, Driver, turn_for};
use crate::policy::chain::after;
use crate::policy::patience::{Ended, Next, Patience, next_look};
use crate::python::thread;

/// Start the call and turn the loop until it ends, or patience does.
///
/// # Errors
/// `RuntimeError` on another thread than the loop's own, `DeadlockError` inside of the loop itself.
pub(super) fn drive(
    driver: &Driver,
    call: &Bound<'_, Call>,
    patience: Patience,
) -> PyResult<Ended> {
    let py = call.py();
    let runner = call.get().runner(py);
    let core = runner.get();
    let Some(own_loop) = &core.own_loop else {
        return Err(PyRuntimeError::new_err("a loop that the caller drives must be sideloop's"));
    };
    if !driver.is_mine() {
        return Err(PyRuntimeError::new_err(format!(
            "{} was not started: the loop of runner '{}' is driven by the thread that made its first \
             call, and by no other; use a runner for each thread, or drive=\"thread\"",
            call.get().name(py),
            core.name(py),
        )));
    }
    let on_main = thread::is_main(py)?;
    // Driven by a call further out, or run by the user's own code.
    if own_loop.get().runs(py) || !driver.begin_driving() {
        return Err(circle(runner, call.get().name(py), &Chain::new()));
    }
    let own_loop = own_loop.bind(py);
    let mut patience = patience;
    let turned = enter(driver, own_loop).map(|outer| {
        let before = turn_for(py, Some(runner.clone()));
        let mut seat = Seat { driver, own_loop, outer: Some(outer) };
        let turned = turn_until_ended(&mut seat, call, &mut patience, on_main);
        drop(turn_for(py, before));
        (turned, seat.leave())
    });
    driver.end_driving();
    call.get().serve_no_more();
    let mut unwound = if call.get().has_had_errands(py) { refuse(call) } else { Ok(()) };
    let asked = own_loop.get().is_stopping() || core.entry.is_stopping();
    if asked && !core.entry.is_orphaned() {
        // By the user's code, or by another thread. What is left on it unwinds, this call included.
        let ended = driver.end.call1(py, (py.None(),));
        unwound = unwound.and(ended.map(drop));
    }
    let (turned, gone_on) = match turned {
        Ok(turned) => turned,
        Err(error) => {
            return Err(match unwound {
                Ok(()) => error,
                Err(later) => after(py, later, error),
            });
        }
    };
    let (ended, interrupted) = match turned {
        Turned::Until(interrupted) => {
            (patience.ended(py, outcome_of(call), || call.get().name(py)), interrupted)
        }
        Turned::NeverRan => (patience.never_ran(), None),
        Turned::Left => (patience.left(), None),
    };
    let also = |ended: Ended, error: Option<PyErr>| match error {
        Some(error) => ended.interrupted_by(py, error),
        None => ended,
    };
    Ok(also(also(also(ended, interrupted), gone_on.err()), unwound.err()))
}

/// How the turning came to its end.
enum Turned {
    /// The call has ended, or the loop has: with what a callback or a signal handler has raised in that turn.
    Until(Option<PyErr>),
    /// The call was not started, and will not be.
    NeverRan,
    /// The caller has left it behind.
    Left,
}

fn turn_until_ended(
    seat: &mut Seat<'_, '_>,
    call: &Bound<'_, Call>,
    patience: &mut Patience,
    on_main: bool,
) -> Turned {
    let (py, inside, own_loop) = (call.py(), call.get(), seat.own_loop);
    let reads_ahead = inside.reads_ahead(py);
    let started = start(call, inside.submitted, FirstStepBy::Starter);
    // As where asyncio runs a task until it is complete, what was ready when it ended still runs: but not what
    // reads ahead, which may need what the caller does with the item.
    let mut last_turn = reads_ahead || inside.is_done();
    // What is ready needs no look at timers and files first, unless the last one is long ago.
    let mut turned = started.and_then(|_| {
        if reads_ahead && inside.is_done() {
            Ok(())
        } else if turn::may_stay_blind(own_loop) {
            turn::run_ready(own_loop)
        } else {
            turn::run_once(own_loop, Some(0.0))
        }
    });
    loop {
        let raised = std::mem::replace(&mut turned, Ok(())).err();
        let mut interrupted = raised.and_then(|error| interrupt(call, error));
        if inside.is_done() {
            if last_turn || interrupted.is_some() || !own_loop.get().has_ready(py) {
                return Turned::Until(interrupted);
            }
            last_turn = true;
            turned = turn::run_ready(own_loop);
            continue;
        }
        if interrupted.is_none() && inside.has_errands() {
            match seat.serve(call) {
                Served::Seated(by) => interrupted = by,
                Served::Unseated(error) => {
                    let _ = leave(call);
                    return Turned::Until(Some(error));
                }
            }
        }
        match patience.look(py, interrupted, || inside.name(py)) {
            Next::Wait => {}
            Next::Report => {
                turned = report_slow(call);
                if turned.is_err() {
                    continue;
                }
            }
            Next::Cancel => match withdraw(call) {
                Cancel::NeverRan => return Turned::NeverRan,
                Cancel::Interrupt => {
                    cancel(call);
                    if inside.is_done() {
                        continue;
                    }
                }
                Cancel::Nothing => {}
            },
            Next::Leave => match leave(call) {
                Abandon::Leave => return Turned::Left,
                Abandon::TakeOutcome => continue,
            },
        }
        if inside.has_errands() {
            turned = tell_cut_off(call);
            if turned.is_err() {
                continue;
            }
        }
        if own_loop.get().is_stopping() {
            return Turned::Until(None);
        }
        let now = Instant::now();
        let limit = next_look(on_main, now, patience.limit());
        let left = limit.map(|limit| limit.saturating_duration_since(now));
        turned = turn::run_once(own_loop, left.map(|left| left.as_secs_f64()));
    }
}

/// What has left the loop, unless it is the outcome of a call, on its way there.
fn interrupt(call: &Bound<'_, Call>, error: PyErr) -> Option<PyErr> {
    let py = call.py();
    match is_outcome(call.get().runner(py), error.value(py)) {
        Ok(true) => None,
        Ok(false) => Some(error),
        Err(later) => Some(after(py, later, error)),
    }
}

/// Make the loop the running one of this thread.
#[inline]
fn enter(driver: &Driver, own_loop: &Bound<'_, LoopCore>) -> PyResult<Outer> {
    let py = own_loop.py();
    let outer = Outer::put_aside(driver, py, Some(own_loop))?;
    own_loop.get().set_thread_id(py, Some(driver.ident.clone_ref(py)));
    Ok(outer)
}

/// The driver's seat: the loop is the running one of this thread, but while the thread runs errands.
///
/// An errand is sync code of the caller's, and runs where the caller's code does, around the loop: what forbids itself
/// to run inside of a loop, as Django's database does, and what runs one of its own, works there. Not inside of the
/// task that asks for it, therefore, but between two turns. To nested calls the loop stands still meanwhile, as it does.
struct Seat<'a, 'py> {
    driver: &'a Driver,
    own_loop: &'a Bound<'py, LoopCore>,
    /// What ran before; None if that could not be put aside again.
    outer: Option<Outer>,
}

/// What has become of the seat.
enum Served {
    /// With what a signal handler has raised meanwhile.
    Seated(Option<PyErr>),
    /// It could not be taken again.
    Unseated(PyErr),
}

impl Seat<'_, '_> {
    /// Run the errands that there are.
    #[cold]
    fn serve(&mut self, call: &Bound<'_, Call>) -> Served {
        let py = call.py();
        if !call.get().has_errand(py) {
            return Served::Seated(None);
        }
        let mut served = self.leave();
        // Those that are there now: what asks for more turns in between.
        while served.is_ok() && call.get().has_errand(py) {
            served = serve(call);
        }
        let again =
            enter(self.driver, self.own_loop).or_else(|_| enter(self.driver, self.own_loop));
        match (again, served) {
            (Ok(outer), served) => {
                self.outer = Some(outer);
                Served::Seated(served.err())
            }
            (Err(error), Ok(())) => Served::Unseated(error),
            (Err(error), Err(before)) => Served::Unseated(after(py, error, before)),
        }
    }

    /// What ran before goes on.
    fn leave(&mut self) -> PyResult<()> {
        let Some(outer) = self.outer.take() else { return Ok(()) };
        let py = self.own_loop.py();
        self.own_loop.get().set_thread_id(py, None);
        outer.go_on(self.driver, py)
    }
}
