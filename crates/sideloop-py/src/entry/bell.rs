//! The bell of an entry: what wakes a loop thread that sleeps.

use std::sync::Mutex;

use pyo3::prelude::*;

use crate::policy::errors::os_error;
use crate::python::lock::lock;

/// How a sleeping loop thread is woken.
pub(crate) enum Bell {
    /// A write to this eventfd, which the loop's selector polls. Needs no interpreter. Taken away when
    /// the loop is closed.
    #[cfg(target_os = "linux")]
    Eventfd(Mutex<Option<std::os::fd::OwnedFd>>),
    /// The loop's own `call_soon_threadsafe`, called attached: a loop that somebody else wrote.
    CallSoon,
}

impl Bell {
    /// The bell of a loop that is ours.
    #[cfg(target_os = "linux")]
    pub(crate) fn for_own_loop() -> PyResult<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let fd = fd.map_err(|error| os_error(&error.into()))?;
        Ok(Self::Eventfd(Mutex::new(Some(fd))))
    }

    /// There is no bell here that rings without the interpreter.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn for_own_loop() -> PyResult<Self> {
        Ok(Self::CallSoon)
    }

    /// Wake the loop thread without the interpreter, if it can be.
    pub(super) fn ring(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Eventfd(fd) => {
                // It can fail only when 2^64 rings were not heard; then one is pending anyway.
                let _ = lock(fd).as_ref().map(|fd| rustix::io::write(fd, &1u64.to_ne_bytes()));
            }
            Self::CallSoon => {}
        }
    }

    /// Nobody will hear it again.
    pub(super) fn take_away(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Eventfd(fd) => {
                let old = lock(fd).take();
                drop(old);
            }
            Self::CallSoon => {}
        }
    }
}
