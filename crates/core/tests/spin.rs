//! The spin policy keeps what the head of `spin.rs` promises. Nothing here waits: the policy is pure.
#![cfg(not(loom))]

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use sideloop_core::spin::{BUDGET, History, Plan, Record, Seen, spin};

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A spin in vain as it should be: the budget, and the last yield.
const IN_VAIN: Seen = Seen::InVain(micros(25));
/// A spin in vain that lost a time slice in a yield.
const OVERRUN: Seen = Seen::InVain(micros(3_000));
/// A wait that a spin would have caught, but for the kernel's wake-up.
const SHORT: Seen = Seen::Parked(micros(60));
const LONG: Seen = Seen::Parked(Duration::from_secs(1));

const EVERY: [Seen; 5] = [Seen::Answered, IN_VAIN, OVERRUN, SHORT, LONG];

/// How many waits like `parked` go without a spin before the next one, with two CPUs.
fn waits_before_a_spin(mut record: Record, parked: Seen) -> u32 {
    let mut waits = 0;
    while record.plan(2) == Plan::Park {
        record = record.after(parked);
        waits += 1;
        assert!(waits <= 2_000, "it never spins again: {record:?}");
    }
    waits
}

fn after(seen: impl IntoIterator<Item = Seen>) -> Record {
    seen.into_iter().fold(Record::default(), Record::after)
}

/// Every record that any history of waits leads to. They are few: both numbers are bounded.
fn reachable() -> HashSet<(u32, u32)> {
    let mut found = HashSet::new();
    let mut left = VecDeque::from([Record::default()]);
    while let Some(record) = left.pop_front() {
        if found.insert((record.skips, record.in_vain)) {
            left.extend(EVERY.map(|seen| record.after(seen)));
        }
    }
    found
}

fn every_record() -> impl Iterator<Item = Record> {
    reachable().into_iter().map(|(skips, in_vain)| Record { skips, in_vain })
}

#[test]
fn the_first_wait_spins() {
    assert_eq!(Record::default().plan(2), Plan::Spin);
}

#[test]
fn no_wait_spins_on_one_cpu() {
    for record in every_record() {
        for usable_cpus in [0, 1] {
            assert_eq!(record.plan(usable_cpus), Plan::Park, "{record:?}");
        }
    }
}

#[test]
fn more_cpus_than_two_change_nothing() {
    for record in every_record() {
        assert_eq!(record.plan(64), record.plan(2), "{record:?}");
    }
}

/// 1, 3, 7 ...: with the spin itself, the distance from one spin to the next doubles.
#[test]
fn each_spin_in_vain_doubles_the_waits_without_one_up_to_a_cap() {
    let table = [(1, 1), (2, 3), (3, 7), (4, 15), (5, 31), (6, 63), (7, 63), (100, 63)];
    for (in_vain, waits) in table {
        let record = after(std::iter::repeat_n(IN_VAIN, in_vain));
        assert_eq!(waits_before_a_spin(record, LONG), waits, "after {in_vain} in vain");
    }
}

/// The same as it happens: long waits, and a spin in vain whenever the policy says so.
#[test]
fn when_no_answer_comes_soon_one_wait_in_64_spins() {
    let mut record = Record::default();
    let mut spins = 0;
    for _ in 0..64 * 100 {
        record = match record.plan(2) {
            Plan::Spin => {
                spins += 1;
                record.after(IN_VAIN)
            }
            Plan::Park => record.after(LONG),
        };
    }
    assert!((100..=106).contains(&spins), "spins: {spins}");
}

#[test]
fn an_overrun_stops_spinning_for_long_whatever_came_before() {
    for record in every_record() {
        let waits = waits_before_a_spin(record.after(OVERRUN), LONG);
        assert_eq!(waits, 1023, "after {record:?}");
    }
}

#[test]
fn a_spin_is_an_overrun_from_ten_budgets_on() {
    let table = [(19, 1), (25, 1), (199, 1), (200, 1023), (10_000, 1023)];
    for (took, waits) in table {
        let record = Record::default().after(Seen::InVain(micros(took)));
        assert_eq!(waits_before_a_spin(record, LONG), waits, "after {took} µs");
    }
    assert!(BUDGET < micros(200), "a spin of the budget is none");
}

#[test]
fn after_an_overrun_a_spin_in_vain_starts_at_the_cap() {
    let mut record = Record::default().after(OVERRUN);
    while record.plan(2) == Plan::Park {
        record = record.after(LONG);
    }
    assert_eq!(waits_before_a_spin(record.after(IN_VAIN), LONG), 63);
}

#[test]
fn short_waits_bring_the_spin_back_eight_times_sooner_unless_a_slice_was_lost() {
    let table = [(1, 1), (3, 1), (4, 2), (6, 8), (100, 8)];
    for (in_vain, waits) in table {
        let record = after(std::iter::repeat_n(IN_VAIN, in_vain));
        assert_eq!(waits_before_a_spin(record, SHORT), waits, "after {in_vain} in vain");
    }
    // Counted one by one down to the most that spins in vain are worth.
    assert_eq!(waits_before_a_spin(Record::default().after(OVERRUN), SHORT), 1023 - 64 + 8);
}

#[test]
fn a_wait_is_short_below_a_hundred_microseconds() {
    let record = after([IN_VAIN; 6]);
    for (took, left) in [(0, 55), (99, 55), (100, 62), (1_000_000, 62)] {
        assert_eq!(record.after(Seen::Parked(micros(took))).skips, left, "after {took} µs");
    }
}

#[test]
fn a_wait_without_a_spin_does_not_forget_the_spins_in_vain() {
    let record = after([IN_VAIN; 4]);
    for parked in [SHORT, LONG] {
        assert_eq!(record.after(parked).in_vain, record.in_vain);
    }
}

#[test]
fn a_good_spin_forgets_everything() {
    for record in every_record() {
        assert_eq!(record.after(Seen::Answered), Record::default(), "{record:?}");
    }
}

#[test]
fn from_every_record_a_spin_is_at_most_1023_waits_away() {
    for record in every_record() {
        assert!(waits_before_a_spin(record, LONG) <= 1023, "{record:?}");
        assert!(waits_before_a_spin(record, SHORT) <= 1023 - 64 + 8, "{record:?}");
    }
}

#[test]
fn from_every_record_it_spins_at_once_when_answers_come_soon_again() {
    for mut record in every_record() {
        for _ in 0..1023 {
            record = match record.plan(2) {
                Plan::Spin => record.after(Seen::Answered),
                Plan::Park => record.after(SHORT),
            };
        }
        assert_eq!(record.plan(2), Plan::Spin);
        assert_eq!(record.after(Seen::Answered).plan(2), Plan::Spin, "and stays so");
    }
}

#[test]
fn a_parked_wait_never_puts_the_spin_off() {
    for record in every_record() {
        for parked in [SHORT, LONG] {
            assert!(record.after(parked).skips <= record.skips, "{record:?}");
        }
    }
}

#[test]
fn a_history_is_a_record_that_remembers() {
    let (history, mut record) = (History::default(), Record::default());
    for step in 0..5_000_usize {
        let seen = EVERY[(step * step + step / 7) % EVERY.len()];
        for usable_cpus in [1, 2] {
            assert_eq!(history.plan(usable_cpus), record.plan(usable_cpus), "at step {step}");
        }
        history.note(seen);
        record = record.after(seen);
    }
}

#[test]
fn a_spin_sees_an_answer_that_is_there() {
    assert_eq!(spin(|| true), Seen::Answered);
}

#[test]
fn a_spin_sees_an_answer_that_comes() {
    let mut looks = 0;
    let answered = || {
        looks += 1;
        looks > 32
    };
    // The first burst is over by then; on a machine too busy, a time slice may be lost.
    let seen = spin(answered);
    assert!(seen == Seen::Answered || matches!(seen, Seen::InVain(took) if took >= micros(200)));
}

#[test]
fn a_spin_in_vain_takes_its_budget() {
    match spin(|| false) {
        Seen::InVain(took) => assert!(took >= BUDGET, "{took:?}"),
        seen => panic!("there was no answer: {seen:?}"),
    }
}

/// The answer comes while a yield loses a time slice: here while the last look before it does.
#[test]
fn a_spin_that_lost_a_time_slice_was_in_vain_though_an_answer_came() {
    let start = std::time::Instant::now();
    let mut looks = 0;
    let answered = || {
        looks += 1;
        while looks == 32 && start.elapsed() < micros(300) {}
        looks > 32
    };
    match spin(answered) {
        Seen::InVain(took) => assert!(took >= micros(200), "{took:?}"),
        seen => panic!("it took 300 µs: {seen:?}"),
    }
}

/// The answer that comes during the last yield is not lost: there is one look after the budget.
#[test]
fn a_spin_looks_once_more_at_its_end() {
    let start = std::time::Instant::now();
    let seen = spin(|| start.elapsed() >= BUDGET);
    assert!(seen == Seen::Answered || matches!(seen, Seen::InVain(took) if took >= micros(200)));
}
