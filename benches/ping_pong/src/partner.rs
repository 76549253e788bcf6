//! The partner: a thread that is kept, and answers each ring of one bell with the other.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use rustix::thread::{Pid, gettid};

use crate::bell::Bell;

pub(crate) struct Partner {
    pub(crate) thread: Pid,
    bells: Arc<[Bell; 2]>,
}

impl Partner {
    /// Starts the thread. It ends with the process.
    pub(crate) fn start(bells: [Bell; 2]) -> io::Result<Self> {
        let bells = Arc::new(bells);
        let (send, receive) = channel();
        let theirs = Arc::clone(&bells);
        thread::Builder::new().spawn(move || {
            // Whoever started it may have given up since.
            let _ = send.send(gettid());
            let [ping, pong] = &*theirs;
            while ping.wait().and_then(|()| pong.ring()).is_ok() {}
        })?;
        let thread = receive.recv().map_err(io::Error::other)?;
        Ok(Self { thread, bells })
    }

    /// Wakes the partner and sleeps until it has rung back.
    pub(crate) fn round_trip(&self) -> io::Result<()> {
        let [ping, pong] = &*self.bells;
        ping.ring()?;
        pong.wait()
    }
}
