//! What wakes a sleeping loop thread, in two kinds. Both remember a ring that nobody hears yet, as an
//! eventfd does.

use loom::sync::{Condvar, Mutex};
use loom::thread::{self, Thread};

pub(crate) trait Bell: Send + Sync + 'static {
    /// To be called on the loop thread.
    fn of_this_thread() -> Self;
    /// Wake the loop thread, or let its next `hear` return at once.
    fn ring(&self);
    /// Sleep until it rings. On the loop thread.
    fn hear(&self);
}

/// A flag under a lock.
pub(crate) struct Flag {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell for Flag {
    fn of_this_thread() -> Self {
        Self { rung: Mutex::new(false), heard: Condvar::new() }
    }

    fn ring(&self) {
        *self.rung.lock().expect("not poisoned") = true;
        self.heard.notify_one();
    }

    fn hear(&self) {
        let mut rung = self.rung.lock().expect("not poisoned");
        while !std::mem::take(&mut *rung) {
            rung = self.heard.wait(rung).expect("not poisoned");
        }
    }
}

/// The loop thread's park token.
pub(crate) struct Token(Thread);

impl Bell for Token {
    fn of_this_thread() -> Self {
        Self(thread::current())
    }

    fn ring(&self) {
        self.0.unpark();
    }

    fn hear(&self) {
        thread::park();
    }
}
