//! Whether a waiting thread spins before it parks, and for how long.
//!
//! Parking is cheap while the kernel keeps both threads on one core, and dear (70-85 µs were seen on
//! two cores) when it spreads them; a short spin makes the spread case cheap too. It must never make
//! another case bad, so a spin is
//! - short bursts of pause with a yield between, since a spin without yields keeps the other thread
//!   off a core that both share;
//! - bounded, since a yield may cost a whole time slice when other processes are busy;
//! - tried only with more than one usable CPU, and only while recent history says that answers come
//!   within the budget: each spin that was in vain doubles the number of waits that go without one.
//!
//! `benches/placement.py` shows the outcome in each placement.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU32, Ordering};

/// How long a spin goes on.
pub const BUDGET: Duration = Duration::from_micros(20);
/// A spin that lasted this long lost a time slice to somebody in a yield.
const OVERRUN: Duration = Duration::from_micros(200);
/// Waits that go without a spin after one that lost a time slice.
const OVERRUN_SKIPS: u32 = 1023;
/// The most waits that go without a spin after one that was merely in vain, less one.
const MOST_SKIPS_LOG2: u32 = 6;
/// A parked wait this short was one that a spin would have caught, but for the kernel's wake-up.
const SHORT: Duration = Duration::from_micros(100);
/// How many skips a short parked wait takes back.
const SHORT_CREDIT: u32 = 8;

/// What recent waits of one kind have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Waits still to go without a spin.
    pub skips: u32,
    /// Spins in vain since the last good one.
    pub in_vain: u32,
}

/// How to wait.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Spin for [`BUDGET`], then park.
    Spin,
    /// Park at once.
    Park,
}

/// What a wait turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The spin saw the answer.
    Answered,
    /// The spin took this long in vain; or an answer came, but only after a time slice was lost.
    InVain(Duration),
    /// There was no spin, and the wait took this long.
    Parked(Duration),
}

impl Record {
    /// How to wait next. Pure.
    pub fn plan(self, usable_cpus: usize) -> Plan {
        if usable_cpus > 1 && self.skips == 0 { Plan::Spin } else { Plan::Park }
    }

    /// The record after one more wait. Pure.
    #[must_use]
    pub fn after(self, seen: Seen) -> Self {
        match seen {
            Seen::Answered => Self::default(),
            Seen::InVain(took) if took >= OVERRUN => {
                Self { skips: OVERRUN_SKIPS, in_vain: MOST_SKIPS_LOG2 }
            }
            Seen::InVain(_) => {
                let in_vain = (self.in_vain + 1).min(MOST_SKIPS_LOG2);
                Self { skips: (1 << in_vain) - 1, in_vain }
            }
            Seen::Parked(took) => {
                // Not so after a lost time slice: while others are busy a parked wait is short, too.
                let lost_a_slice = self.skips > 1 << MOST_SKIPS_LOG2;
                let credit = if took < SHORT && !lost_a_slice { SHORT_CREDIT } else { 1 };
                Self { skips: self.skips.saturating_sub(credit), ..self }
            }
        }
    }
}

/// A record that several threads keep together.
///
/// Two waits that end at once may lose one another's entry: it is advice, not accounts.
#[derive(Default)]
pub struct History {
    skips: AtomicU32,
    in_vain: AtomicU32,
}

impl History {
    fn load(&self) -> Record {
        Record {
            skips: self.skips.load(Ordering::Relaxed),
            in_vain: self.in_vain.load(Ordering::Relaxed),
        }
    }

    /// How to wait next.
    pub fn plan(&self, usable_cpus: usize) -> Plan {
        self.load().plan(usable_cpus)
    }

    /// Enter what a wait turned out to be.
    pub fn note(&self, seen: Seen) {
        let before = self.load();
        let after = before.after(seen);
        if after != before {
            self.skips.store(after.skips, Ordering::Relaxed);
            self.in_vain.store(after.in_vain, Ordering::Relaxed);
        }
    }
}

/// Spin until `answered` says so or the budget is spent.
pub fn spin(mut answered: impl FnMut() -> bool) -> Seen {
    let start = Instant::now();
    loop {
        for _ in 0..32 {
            if answered() {
                return Seen::Answered;
            }
            std::hint::spin_loop();
        }
        std::thread::yield_now();
        let took = start.elapsed();
        if took >= BUDGET {
            // An answer does not excuse an overrun: while a yield loses a time slice, one nearly
            // always comes, and overruns that were counted only without one hardly ever counted.
            return if took < OVERRUN && answered() { Seen::Answered } else { Seen::InVain(took) };
        }
    }
}
