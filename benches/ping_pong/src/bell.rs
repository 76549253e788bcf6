//! A bell: what one thread rings and another sleeps on, with one system call at each end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, retry_on_intr, write};
use rustix::thread::futex;

/// What the kernel is asked to sleep on.
pub(crate) enum Bell {
    Futex(AtomicU32),
    Eventfd(OwnedFd),
}

const SILENT: u32 = 0;
const RUNG: u32 = 1;

impl Bell {
    pub(crate) fn futex() -> Self {
        Self::Futex(AtomicU32::new(SILENT))
    }

    pub(crate) fn eventfd() -> io::Result<Self> {
        Ok(Self::Eventfd(eventfd(0, EventfdFlags::CLOEXEC)?))
    }

    /// Wakes the thread that waits, or the next one that does.
    pub(crate) fn ring(&self) -> io::Result<()> {
        match self {
            Self::Futex(word) => {
                // ORDERING: pairs with the swap in `wait`.
                word.store(RUNG, Ordering::Release);
                futex::wake(word, futex::Flags::PRIVATE, 1)?;
            }
            Self::Eventfd(fd) => {
                retry_on_intr(|| write(fd, &1_u64.to_ne_bytes()))?;
            }
        }
        Ok(())
    }

    /// Sleeps until the bell is rung, if it has not been.
    pub(crate) fn wait(&self) -> io::Result<()> {
        match self {
            Self::Futex(word) => {
                // ORDERING: pairs with the store in `ring`.
                while word.swap(SILENT, Ordering::Acquire) != RUNG {
                    match futex::wait(word, futex::Flags::PRIVATE, SILENT, None) {
                        // Rung before it slept, or interrupted.
                        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Self::Eventfd(fd) => {
                retry_on_intr(|| read(fd, &mut [0; 8]))?;
            }
        }
        Ok(())
    }
}
