//! The caller's bell: what the future's waker rings, and how the caller waits for it.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Instant;

use sideloop_core::bell::{Bell, Heard};
use sideloop_core::generation;
use sideloop_core::spin::{History, Plan, Seen, spin};

use crate::cpus;

thread_local! {
    // The last call's: making one costs about as much as a ready future. A waker left over from that
    // call may ring it; then the next call looks once in vain.
    static SPARE: Cell<Option<Waiter>> = const { Cell::new(None) };

    // What this thread's waits were like. Without a destructor.
    static WAITS: History = History::default();
}

#[derive(Default)]
struct CallerBell(Bell);

impl Wake for CallerBell {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.ring();
    }
}

/// The waiting end of one call: a bell, and the waker that rings it. Nested calls have one each.
pub(crate) struct Waiter {
    bell: Arc<CallerBell>,
    waker: Waker,
    generation: u32,
}

impl Waiter {
    /// The one kept from the last call, or a new one.
    pub(crate) fn new() -> Self {
        let generation = generation::current();
        // None is there, and none is kept, in a thread-local's destructor after ours.
        match SPARE.try_with(Cell::take).ok().flatten() {
            Some(spare) if spare.generation == generation => return spare,
            // The fork may have come while another thread rang it, and held its lock.
            Some(inherited) => mem::forget(inherited),
            None => {}
        }
        let bell = Arc::<CallerBell>::default();
        Self { waker: Waker::from(Arc::clone(&bell)), bell, generation }
    }

    /// Keep it for the thread's next call.
    pub(crate) fn keep(self) {
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Block until the waker is woken, or until `limit`.
    pub(crate) fn wait(&self, limit: Option<Instant>) -> Heard {
        let bell = &self.bell.0;
        if bell.take() {
            return Heard::Ring;
        }
        WAITS.with(|waits| match waits.plan(cpus::usable()) {
            Plan::Spin => {
                waits.note(spin(|| bell.has_rung()));
                bell.wait(limit)
            }
            Plan::Park => {
                let start = Instant::now();
                let heard = bell.wait(limit);
                waits.note(Seen::Parked(start.elapsed()));
                heard
            }
        })
    }
}
