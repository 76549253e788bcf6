//! Which loops wait, and for which calls: those of runners, and those that somebody else runs.
//!
//! A loop waits for a call that sync code on its thread has made. Until that has ended the loop does not turn, and
//! nor does any other loop that the thread runs. So a loop is known here by what it is, whoever runs it, and only for
//! as long as it waits.

use pyo3::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::Call;
use crate::python::attached::Attached;

/// Deeper than calls can be nested.
const DEEPEST: usize = 1024;

/// The calls that each waits for: innermost last.
type Waits = FxHashMap<LoopId, Vec<Py<Call>>>;

/// All of this process. In a fork's child what other threads waited for stays: their loops do, too.
static WAITS: Attached<Waits> = Attached::new(FxHashMap::with_hasher(FxBuildHasher));

/// Which loop: by its address, which is no other's while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LoopId(usize);

impl LoopId {
    pub(crate) fn of(event_loop: &Bound<'_, PyAny>) -> Self {
        Self(event_loop.as_ptr() as usize)
    }

    /// The loop of a call's runner: None before that serves one.
    fn of_call(call: &Call, py: Python<'_>) -> Option<Self> {
        let tasks = call.runner(py).get().tasks.get();
        tasks.map(|tasks| Self::of(tasks.event_loop.bind(py)))
    }
}

/// The loops that one thread runs, one inside of the other: as far as they are known.
pub(crate) type Blocked = [Option<LoopId>; 2];

/// The calls through which a loop waits for what would wait for it.
pub(crate) type Chain = Vec<Py<Call>>;

/// Let these loops wait for `call`. Looked at and entered in one go, so that no two calls close a circle unseen.
///
/// # Errors
/// The chain, if the call's loop waits for one of them: empty if it is one of them.
pub(crate) fn wait_for(blocked: Blocked, call: &Bound<'_, Call>) -> Result<(), Chain> {
    let py = call.py();
    let Some(from) = LoopId::of_call(call.get(), py) else { return Ok(()) };
    WAITS.with(py, |waits| {
        if let Some(chain) = chain_to_one_of(waits, py, blocked, from) {
            return Err(chain);
        }
        for waiting in blocked.into_iter().flatten() {
            waits.entry(waiting).or_default().push(call.clone().unbind());
        }
        Ok(())
    })
}

/// The calls through which the loop `from` waits for one of these, if it does.
pub(crate) fn chain_to_blocked(py: Python<'_>, blocked: Blocked, from: LoopId) -> Option<Chain> {
    WAITS.with(py, |waits| chain_to_one_of(waits, py, blocked, from))
}

/// The calls that a loop waits for: outermost first. An errand, or a signal handler, makes more during the wait.
pub(crate) fn waited_for<'py>(event_loop: &Bound<'py, PyAny>) -> Vec<Bound<'py, Call>> {
    let py = event_loop.py();
    let calls = WAITS.with(py, |waits| {
        let calls = waits.get(&LoopId::of(event_loop)).into_iter().flatten();
        calls.map(|call| call.clone_ref(py)).collect::<Vec<_>>()
    });
    calls.into_iter().map(|call| call.into_bound(py)).collect()
}

/// They do not wait for `call` any more.
pub(crate) fn wait_is_over(blocked: Blocked, call: &Bound<'_, Call>) {
    let ended = WAITS.with(call.py(), |waits| blocked.map(|waiting| take(waits, waiting?, call)));
    drop(ended);
}

fn take(waits: &mut Waits, waiting: LoopId, call: &Bound<'_, Call>) -> Option<Py<Call>> {
    let calls = waits.get_mut(&waiting)?;
    // A signal handler's call, made during the wait for another, is over first.
    let place = calls.iter().rposition(|waited_for| waited_for.is(call))?;
    let ended = calls.remove(place);
    if calls.is_empty() {
        waits.remove(&waiting);
    }
    Some(ended)
}

/// The calls through which the loop `from` waits for `task`, if it does.
pub(crate) fn chain_to_task(task: &Bound<'_, PyAny>, from: &Bound<'_, PyAny>) -> Option<Chain> {
    let py = task.py();
    WAITS.with(py, |waits| chain_to(waits, py, Goal::Task(task), LoopId::of(from), 0))
}

/// Where a chain is to lead.
#[derive(Clone, Copy)]
enum Goal<'a, 'py> {
    Loop(LoopId),
    Task(&'a Bound<'py, PyAny>),
}

fn chain_to_one_of(waits: &Waits, py: Python<'_>, blocked: Blocked, from: LoopId) -> Option<Chain> {
    let mut goals = blocked.into_iter().flatten();
    goals.find_map(|goal| chain_to(waits, py, Goal::Loop(goal), from, 0))
}

fn chain_to(
    waits: &Waits,
    py: Python<'_>,
    goal: Goal<'_, '_>,
    from: LoopId,
    depth: usize,
) -> Option<Chain> {
    if matches!(goal, Goal::Loop(goal) if goal == from) {
        return Some(Chain::new());
    }
    if depth == DEEPEST {
        return None;
    }
    waits.get(&from)?.iter().find_map(|call| {
        let inside = call.get();
        if inside.is_done() || inside.is_abandoned() {
            // Its thread is about to go on.
            return None;
        }
        let mut chain = match goal {
            Goal::Task(task) if inside.is_of_task(task) => Chain::new(),
            Goal::Task(_) | Goal::Loop(_) => {
                chain_to(waits, py, goal, LoopId::of_call(inside, py)?, depth + 1)?
            }
        };
        chain.insert(0, call.clone_ref(py));
        Some(chain)
    })
}
