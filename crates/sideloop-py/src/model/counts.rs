//! What the calls of one loop have come to, counted.

use std::time::Duration;

use pyo3::prelude::*;

use crate::python::attached::Count;
use crate::python::fork;

/// The accounts of the loops that are gone.
static ENDED: Counts = Counts::new();

/// The accounts of one loop: each call that entered it ends as one of the others, or is still waited for.
pub(crate) struct Counts {
    pub(crate) entered: Count,
    /// Ended with a value.
    pub(crate) returned: Count,
    /// Ended with an exception, of the user's code or of ours.
    pub(crate) failed: Count,
    /// Stopped by a signal or a deadline, and unwound.
    pub(crate) cancelled: Count,
    /// Left behind, still running.
    pub(crate) abandoned: Count,
    /// Not started here: they went to another loop, and count there.
    pub(crate) sent_back: Count,
    /// Nanoseconds from the entry to the call of the user's function.
    queued: Count,
    /// Nanoseconds from there to the outcome.
    ran: Count,
}

/// Calls by what they came to, from the waiting to the abandoned, then the seconds queued and run.
pub(super) type Totals = (u64, u64, u64, u64, u64, f64, f64);

impl Counts {
    pub(crate) const fn new() -> Self {
        Self {
            entered: Count::new(),
            returned: Count::new(),
            failed: Count::new(),
            cancelled: Count::new(),
            abandoned: Count::new(),
            sent_back: Count::new(),
            queued: Count::new(),
            ran: Count::new(),
        }
    }

    fn each(&self) -> [&Count; 8] {
        [
            &self.entered,
            &self.returned,
            &self.failed,
            &self.cancelled,
            &self.abandoned,
            &self.sent_back,
            &self.queued,
            &self.ran,
        ]
    }

    /// The loop is gone: its accounts go to those of all that are. What has not ended on it never does.
    pub(super) fn retire(&self) {
        self.abandoned.add(self.totals().0);
        for (ended, own) in ENDED.each().into_iter().zip(self.each()) {
            ended.add(own.get());
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let (returned, failed) = (self.returned.get(), self.failed.get());
        let (cancelled, abandoned) = (self.cancelled.get(), self.abandoned.get());
        let ended = returned + failed + cancelled + abandoned + self.sent_back.get();
        (
            self.entered.get().saturating_sub(ended),
            returned,
            failed,
            cancelled,
            abandoned,
            Duration::from_nanos(self.queued.get()).as_secs_f64(),
            Duration::from_nanos(self.ran.get()).as_secs_f64(),
        )
    }

    /// A call was not started here.
    pub(crate) fn note_sent_back(&self) {
        self.sent_back.add(1);
    }

    /// A call has its outcome: `queued` after its entry it was started, and it `ran` so long.
    pub(crate) fn note_times(&self, queued: Duration, ran: Duration) {
        self.queued.add(nanoseconds(queued));
        self.ran.add(nanoseconds(ran));
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// In a fork's child: what the parent has done is not its own.
pub(crate) fn forget_in_children() -> PyResult<()> {
    extern "C" fn forget_ended() {
        for count in ENDED.each() {
            count.reset();
        }
    }

    // SAFETY: only atomic stores.
    unsafe { fork::in_child(forget_ended) }
}

/// The sums of the loops that are gone: see `RunnerCore.counts`.
#[pyfunction]
pub(crate) fn ended_counts() -> Totals {
    ENDED.totals()
}
