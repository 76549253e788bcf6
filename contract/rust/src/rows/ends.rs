//! Where a thread or a process is no longer whole.

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};

use super::call;
use crate::bridge::Bridge;
use crate::outcome::expect;

/// In a destructor that runs after tokio's own thread-locals are gone: what is made first goes last.
pub(super) fn thread_local_destructor(bridge: Bridge) {
    struct Calls(Bridge, Sender<()>);
    impl Drop for Calls {
        fn drop(&mut self) {
            call(self.0);
            let _ = self.1.send(());
        }
    }
    thread_local!(static HELD: RefCell<Option<Calls>> = const { RefCell::new(None) });

    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        HELD.set(Some(Calls(bridge, done)));
        call(bridge);
    });
    expect(thread.join().is_ok(), true);
    expect(wait.recv().is_ok(), true);
}

/// In the child, which has this thread only, and memory as it was.
#[cfg(unix)]
pub(super) fn fork(bridge: Bridge) {
    use crate::outcome::{Outcome, report};

    call(bridge);
    // SAFETY: the child does what a program should not do after a fork, to see what comes of it: it
    // allocates and takes locks. No other thread of this program holds one for long.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no handler is set; the signal ends a child that hangs.
        unsafe { libc::alarm(3) };
        call(bridge);
        report(&Outcome::Works);
    }
    call(bridge);
    let mut status = 0;
    // SAFETY: `status` is there to be written to, and `child` is ours.
    expect(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    match (libc::WIFSIGNALED(status), libc::WTERMSIG(status)) {
        (true, libc::SIGALRM) => report(&Outcome::Hangs),
        (true, signal) => report(&Outcome::Dies(format!("signal {signal} in the child"))),
        // It has reported by itself.
        (false, _) => std::process::exit(0),
    }
}
