//! Forks and time limits, which std does not have.

use std::time::Duration;

use crate::support::scaled;

/// What a program may take on a machine that is not emulated. The slowest takes three seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// What a child ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    Badly(i32),
}

/// End this process if it still runs after the limit. A fork's child needs a limit of its own.
pub(crate) fn limit() {
    let seconds = u32::try_from(scaled(LIMIT).as_secs()).expect("less than a life");
    // SAFETY: it takes a number and touches no memory.
    unsafe { libc::alarm(seconds) };
}

/// Run `child` in a fork's child and wait for its end, at which no destructor of the parent's runs.
pub(crate) fn in_child(child: impl FnOnce()) -> Ended {
    // SAFETY: the child may have been forked from a process with many threads. What it then calls, and
    // that it may, is what is tested; glibc keeps its own locks usable.
    let forked = unsafe { libc::fork() };
    assert_ne!(forked, -1, "{}", std::io::Error::last_os_error());
    match forked {
        0 => {
            limit();
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: it does not return.
            unsafe { libc::_exit(i32::from(ended.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: `status` is valid for writes, and the child is ours.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(waited, child, "{}", std::io::Error::last_os_error());
            if status == 0 { Ended::Well } else { Ended::Badly(status) }
        }
    }
}
