//! Whether a waiting thread spins before it parks, and for how long.
//!
//! Parking is cheap while the kernel keeps both threads on one core, and dear (70-85 µs were seen on
//! two cores) when it spreads them; a short spin makes the spread case cheap too. It must never make
//! another case bad, so a spin is
//! - bursts of pause with a yield between, since a spin without yields keeps the other thread off a core that both
//!   share: the shorter, the likelier they do;
//! - bounded, since a yield may cost a whole time slice when other processes are busy;
//! - tried only with more than one usable CPU, and only while recent history says that answers come
//!   within the budget: each spin that was in vain doubles the number of waits that go without one;
//! - left alone for a while after it has lost a time slice: for a time, not for a number of waits, since
//!   the same thousand waits are a blink back to back and a minute apart.
//!
//! `benches/placement.py` and `nested.py` show the outcome in each placement.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// How long a spin goes on: not longer than the wake-up that it may save, so that one in vain at most
/// doubles what a wait costs.
pub const BUDGET: Duration = Duration::from_micros(50);
/// A spin that lasted this long lost a time slice to somebody in a yield.
const OVERRUN: Duration = Duration::from_micros(200);
/// The time without spins after the first one that lost a time slice, and the most of it.
const FIRST_REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_secs(1);
/// The most waits that go without a spin after one that was merely in vain, less one.
const MOST_SKIPS_LOG2: u32 = 6;
/// A parked wait this short was one that a spin would have caught, but for the kernel's wake-up.
const SHORT: Duration = Duration::from_micros(100);
/// How many skips a short parked wait takes back.
const SHORT_CREDIT: u32 = 8;

/// A time without spins, after one that lost a time slice. All zero: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rest {
    /// How long it is.
    pub length: Duration,
    /// When it is over, as `now` below counts.
    pub end: Duration,
}

impl Rest {
    fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whether spins have held since for as long as they had to rest.
    fn is_earned_back(self, now: Duration) -> bool {
        now >= self.end + self.length
    }

    /// The rest after one more lost time slice: twice the last one, unless that is long past. So what
    /// lost slices cost stays a small part of the time.
    fn again(self, now: Duration) -> Self {
        let length =
            if self.is_earned_back(now) { FIRST_REST } else { (self.length * 2).min(LONGEST_REST) };
        Self { length, end: now + length }
    }
}

/// What recent waits of one kind have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// Waits still to go without a spin.
    pub skips: u32,
    /// Spins in vain since the last good one.
    pub in_vain: u32,
    /// The time without spins.
    pub rest: Rest,
}

/// The CPUs that the two ends of a hand-off have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpus {
    /// One for both: who spins keeps the other end off it.
    One,
    /// Several, and both ends were last seen on the same one.
    Shared,
    /// Several, and where the ends are is not known.
    Several,
    /// Several, and each end was last seen on one of its own.
    Apart,
}

impl Cpus {
    /// What a process has that may use `usable` of them.
    #[must_use]
    pub fn of(usable: usize) -> Self {
        if usable > 1 { Self::Several } else { Self::One }
    }

    /// How to spin there, if at all.
    #[must_use]
    pub fn burst(self) -> Option<Burst> {
        match self {
            Self::One => None,
            Self::Shared => Some(Burst(1)),
            Self::Several => Some(Burst(32)),
            Self::Apart => Some(Burst(128)),
        }
    }
}

/// How many pauses a spin makes between two yields: for as long the other end may have to wait for the CPU, and an
/// answer that comes within a yield is seen late. 32 take half a microsecond, and most answers come within two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Burst(u32);

/// How to wait.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Spin for [`BUDGET`] in such bursts, then park.
    Spin(Burst),
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

impl Seen {
    fn lost_a_slice(self) -> bool {
        matches!(self, Self::InVain(took) if took >= OVERRUN)
    }
}

impl Record {
    /// How to wait next. `now` counts from any fixed instant. Pure.
    pub fn plan(self, cpus: Cpus, now: Duration) -> Plan {
        match cpus.burst() {
            Some(burst) if self.skips == 0 && now >= self.rest.end => Plan::Spin(burst),
            Some(_) | None => Plan::Park,
        }
    }

    /// The record after one more wait, which ended `now`. Pure.
    #[must_use]
    pub fn after(self, seen: Seen, now: Duration) -> Self {
        match seen {
            Seen::Answered if self.rest.is_earned_back(now) => Self::default(),
            Seen::Answered => Self { rest: self.rest, ..Self::default() },
            Seen::InVain(_) if seen.lost_a_slice() => {
                Self { rest: self.rest.again(now), ..Self::default() }
            }
            Seen::InVain(_) => {
                let in_vain = (self.in_vain + 1).min(MOST_SKIPS_LOG2);
                Self { skips: (1 << in_vain) - 1, in_vain, ..self }
            }
            Seen::Parked(took) => {
                let credit = if took < SHORT { SHORT_CREDIT } else { 1 };
                Self { skips: self.skips.saturating_sub(credit), ..self }
            }
        }
    }
}

/// A record that several threads keep together.
///
/// Two waits that end at once may lose one another's entry: it is advice, not accounts.
pub struct History {
    /// What its clock counts from.
    begun: Instant,
    skips: AtomicU32,
    in_vain: AtomicU32,
    /// In nanoseconds, both.
    rest_length: AtomicU64,
    rest_end: AtomicU64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            skips: AtomicU32::default(),
            in_vain: AtomicU32::default(),
            rest_length: AtomicU64::default(),
            rest_end: AtomicU64::default(),
        }
    }
}

impl History {
    // ORDERING: Relaxed throughout: numbers on their own, and advice only.
    fn load(&self) -> Record {
        let rest = Rest {
            length: Duration::from_nanos(self.rest_length.load(Ordering::Relaxed)),
            end: Duration::from_nanos(self.rest_end.load(Ordering::Relaxed)),
        };
        let (skips, in_vain) = (&self.skips, &self.in_vain);
        let (skips, in_vain) = (skips.load(Ordering::Relaxed), in_vain.load(Ordering::Relaxed));
        Record { skips, in_vain, rest }
    }

    /// The time, read only where it matters.
    fn now(&self, matters: bool) -> Duration {
        if matters { self.begun.elapsed() } else { Duration::ZERO }
    }

    /// How to wait next.
    #[inline]
    pub fn plan(&self, cpus: Cpus) -> Plan {
        // What holds mostly comes first: one CPU is no place to spin, and all has gone well on several.
        if cpus == Cpus::One {
            return Plan::Park;
        }
        let record = if self.is_clear() { Record::default() } else { self.load() };
        record.plan(cpus, self.now(!record.rest.is_none()))
    }

    /// Enter what a wait turned out to be.
    #[inline]
    pub fn note(&self, seen: Seen) {
        // A good wait changes nothing then.
        if seen != Seen::Answered || !self.is_clear() {
            self.enter(seen);
        }
    }

    fn enter(&self, seen: Seen) {
        let before = self.load();
        let after = before.after(seen, self.now(!before.rest.is_none() || seen.lost_a_slice()));
        if after != before {
            self.skips.store(after.skips, Ordering::Relaxed);
            self.in_vain.store(after.in_vain, Ordering::Relaxed);
            self.rest_length.store(nanos(after.rest.length), Ordering::Relaxed);
            self.rest_end.store(nanos(after.rest.end), Ordering::Relaxed);
        }
    }

    /// Whether nothing is entered that was not good.
    fn is_clear(&self) -> bool {
        let numbers = [&self.skips, &self.in_vain];
        let times = [&self.rest_length, &self.rest_end];
        numbers.iter().all(|it| it.load(Ordering::Relaxed) == 0)
            && times.iter().all(|it| it.load(Ordering::Relaxed) == 0)
    }

    /// Park, and enter how long that took: by the clock only where there are skips for it to take back.
    pub fn parked<R>(&self, park: impl FnOnce() -> R) -> R {
        if self.skips.load(Ordering::Relaxed) == 0 {
            return park();
        }
        let start = Instant::now();
        let found = park();
        self.note(Seen::Parked(start.elapsed()));
        found
    }
}

/// Whether a caller's next call may be about to come.
///
/// A caller that was answered mostly calls again at once, and is worth a spin: one, since a loop that then has
/// calls under way, and has answered nobody since, waits for files or timers. Nobody is about to answer it, and
/// a spin would keep the CPU from whom those calls wait for.
#[derive(Default)]
pub struct NextCall(AtomicBool);

impl NextCall {
    // ORDERING: Relaxed throughout: advice only.
    /// A caller is answered.
    pub fn expect(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is worth to wait for the next call.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same, for the one who waits for it: once for each answer.
    #[must_use]
    pub fn take(&self) -> bool {
        let expected = self.is_expected();
        if expected {
            // Not a swap, which costs as much as a lock: an answer in between is one that has been taken, too.
            self.0.store(false, Ordering::Relaxed);
        }
        expected
    }
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Spin until `answered` says so or the budget is spent.
pub fn spin(Burst(pauses): Burst, mut answered: impl FnMut() -> bool) -> Seen {
    let start = Instant::now();
    loop {
        for _ in 0..pauses {
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
