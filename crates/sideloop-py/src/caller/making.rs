//! Making a runner's loop: one thread at a time, with no lock held, since a loop factory is user code.
//!
//! ```text
//!            enter                 exit
//!   Nobody ─────────▶ Somebody ───────────▶ Nobody, and who waits looks again
//!                     │      ▲
//!                     └──────┘ the same thread again: a signal handler's call
//! ```
//!
//! Who comes meanwhile waits as for a call: its time limit and Ctrl-C are honoured.

use std::time::Instant;

use pyo3::prelude::*;
use sideloop_core::generation;
use sideloop_core::handoff::{Completer, Wait};

use super::pause::Pause;
use crate::policy::deadline::{self, bounded};
use crate::python::attached::Attached;
use crate::python::thread;

/// Who makes the loop now.
struct Somebody {
    /// In this fork generation; in a later one only the thread that has forked is there.
    generation: u32,
    thread: u64,
    /// How many times it has entered.
    entered: usize,
    /// Who waits for it to be over.
    waiting: Vec<Completer>,
}

impl Somebody {
    fn is_here(&self) -> bool {
        self.thread == thread::current()
    }

    fn is_gone(&self) -> bool {
        !self.is_here() && self.generation != generation::current()
    }
}

/// A context manager around the making: in `with making as mine`, `mine` says whether nobody else makes.
#[pyclass(frozen, module = "sideloop._sideloop")]
#[derive(Default)]
pub(crate) struct Making(Attached<Option<Somebody>>);

#[pymethods]
impl Making {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn __enter__(&self, py: Python<'_>) -> bool {
        let (before, mine) = self.0.with(py, |somebody| match somebody {
            Some(other) if !other.is_here() && !other.is_gone() => (None, false),
            Some(here) if here.is_here() => {
                here.entered += 1;
                (None, true)
            }
            Some(_) | None => {
                let here = Somebody {
                    generation: generation::current(),
                    thread: thread::current(),
                    entered: 1,
                    waiting: Vec::new(),
                };
                (somebody.replace(here), true)
            }
        });
        // Those who waited for a thread that the fork has left behind were left behind as well.
        drop(before);
        mine
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, PyAny>) {
        let over = self.0.with(py, |somebody| {
            let here = somebody.as_mut().filter(|here| here.is_here())?;
            here.entered -= 1;
            if here.entered == 0 { somebody.take() } else { None }
        });
        for waits in over.into_iter().flat_map(|here| here.waiting) {
            waits.complete();
        }
    }

    /// Wait until nobody else makes it, for so many seconds at most. Blocks, detached.
    ///
    /// # Errors
    /// What a signal handler raises.
    fn wait_for(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let end = Instant::now() + bounded(seconds);
        match self.queue_up(py)? {
            Some(pause) => pause.wait_until(py, Some(end)).map(drop),
            None => Ok(()),
        }
    }

    /// Wait until nobody else makes it. Blocks, detached.
    ///
    /// # Errors
    /// `TimeoutError` when the time limit in force here is over, and what a signal handler raises.
    fn wait(&self, async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = async_fn.py();
        loop {
            let limit = deadline::at_the_door(async_fn)?;
            let end = limit.and_then(|limit| limit.get().deadline()).map(|deadline| deadline.at);
            match self.queue_up(py)? {
                Some(pause) if pause.wait_until(py, end)? == Wait::TimedOut => {}
                Some(_) | None => return Ok(()),
            }
        }
    }
}

impl Making {
    /// How to wait for who makes it now, if somebody else does.
    fn queue_up(&self, py: Python<'_>) -> PyResult<Option<Pause>> {
        let (completer, pause) = Pause::new()?;
        let nobody = self.0.with(py, |somebody| match somebody {
            Some(other) if !other.is_here() && !other.is_gone() => {
                other.waiting.push(completer);
                None
            }
            Some(_) | None => Some(completer),
        });
        Ok(nobody.is_none().then_some(pause))
    }
}
