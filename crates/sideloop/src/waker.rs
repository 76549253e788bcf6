//! The caller's bell: what the future's waker rings, and how the caller waits for it.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Instant;

use sideloop_core::bell::{Bell, Heard};
use sideloop_core::generation;
use sideloop_core::spin::{Cpus, History, Plan, spin};
use sideloop_core::turns::Turns;

use crate::cpus;

/// Of all callers of this process.
static TURNS: Turns = Turns::new();

/// In a fork's child. Async-signal-safe.
pub(crate) fn forget_turns() {
    TURNS.forget();
}

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
pub(crate) struct Waiter(Box<Parts>);

/// Behind one pointer, as a waiter is passed around in each call.
struct Parts {
    bell: Arc<CallerBell>,
    waker: Waker,
    generation: u32,
}

impl Waiter {
    /// The one kept from the last call, or a new one.
    #[inline]
    pub(crate) fn new() -> Self {
        let generation = generation::current();
        // None is there, and none is kept, in a thread-local's destructor after ours.
        match SPARE.try_with(Cell::take).ok().flatten() {
            Some(spare) if spare.0.generation == generation => spare,
            spare => Self::first(spare, generation),
        }
    }

    #[cold]
    #[inline(never)]
    fn first(inherited: Option<Self>, generation: u32) -> Self {
        // The fork may have come while another thread rang it, and held its lock.
        mem::forget(inherited);
        let bell = Arc::<CallerBell>::default();
        Self(Box::new(Parts { waker: Waker::from(Arc::clone(&bell)), bell, generation }))
    }

    /// Keep it for the thread's next call.
    #[inline]
    pub(crate) fn keep(self) {
        let mut surplus = Some(self);
        let _ = SPARE.try_with(|spare| surplus = spare.replace(surplus.take()));
        // That of a call which was nested in this one.
        if let Some(surplus) = surplus {
            surplus.let_go();
        }
    }

    #[cold]
    #[inline(never)]
    fn let_go(self) {}

    pub(crate) fn waker(&self) -> &Waker {
        &self.0.waker
    }

    /// Whether the waker was woken since the last look.
    pub(crate) fn has_rung(&self) -> bool {
        self.0.bell.0.take()
    }

    /// Block until the waker is woken, or until `limit`.
    pub(crate) fn wait(&self, limit: Option<Instant>) -> Heard {
        let bell = &self.0.bell.0;
        if bell.take() {
            return Heard::Ring;
        }
        WAITS.with(|waits| {
            let usable = cpus::usable();
            let turn = match waits.plan(Cpus::of(usable)) {
                Plan::Spin(burst) => TURNS.take(usable - 1).map(|turn| (burst, turn)),
                Plan::Park => None,
            };
            if let Some((burst, _turn)) = turn {
                waits.note(spin(burst, || bell.has_rung()));
                bell.wait(limit)
            } else {
                waits.parked(|| bell.wait(limit))
            }
        })
    }
}
