//! When the system has nothing left to give.

use std::panic::catch_unwind;

use sideloop::run_sync;

use super::Program;
use super::support::{message, work};

pub(crate) const PROGRAMS: &[Program] =
    &[("out of descriptors a first call panics, and the next one works", out_of_descriptors)];

fn out_of_descriptors() {
    let before = limit_descriptors(0);
    let panic = catch_unwind(|| run_sync(work())).expect_err("it needs an epoll");
    let message = message(&*panic);
    assert!(
        message.contains("could not be started") && message.contains("tries again"),
        "{message}"
    );

    limit_descriptors(before);
    assert_eq!(run_sync(work()), 22);
}

/// Set how many descriptors this process may open, and return how many it might.
fn limit_descriptors(most: libc::rlim_t) -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let before = std::mem::replace(&mut limit.rlim_cur, most);
    // SAFETY: `limit` is valid for reads.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    before
}
