//! The bell of an entry: what wakes a loop thread that sleeps.

use std::sync::Mutex;

use pyo3::prelude::*;

use crate::policy::errors::os_error;
use crate::python::lock::lock;
use crate::system::bell;

/// How a sleeping loop thread is woken.
pub(crate) enum Bell {
    /// This one, which the loop's selector polls, is rung. Needs no interpreter. Taken away when the loop is closed.
    Own(Mutex<Option<bell::Bell>>),
    /// The loop's own `call_soon_threadsafe`, called attached: a loop that somebody else wrote, or a system without
    /// such bells.
    CallSoon,
}

/// From here on have loops as systems have them where nothing rings without the interpreter.
#[pyfunction]
pub(crate) fn do_without_bells() {
    bell::do_without();
}

impl Bell {
    /// The bell of a loop that is ours.
    pub(crate) fn for_own_loop() -> PyResult<Self> {
        let made = bell::Bell::new().map_err(|error| os_error(&error))?;
        Ok(made.map_or(Self::CallSoon, |bell| Self::Own(Mutex::new(Some(bell)))))
    }

    /// Wake the loop thread without the interpreter, if it can be.
    pub(super) fn ring(&self) {
        match self {
            Self::Own(bell) => {
                let _ = lock(bell).as_ref().map(bell::Bell::ring);
            }
            Self::CallSoon => {}
        }
    }

    /// Nobody will hear it again.
    pub(super) fn take_away(&self) {
        match self {
            Self::Own(bell) => {
                let _old = lock(bell).take();
            }
            Self::CallSoon => {}
        }
    }
}
