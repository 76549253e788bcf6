//! The spin policy keeps what the head of `spin.rs` promises. Nothing here waits: the policy is pure.
#![cfg(not(loom))]

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use sideloop_core::spin::{BUDGET, Burst, Cpus, History, NextCall, Plan, Record, Seen, spin};

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A spin in vain as it should be: the budget, and the last yield.
const IN_VAIN: Seen = Seen::InVain(micros(55));
/// A spin in vain that lost a time slice in a yield.
const OVERRUN: Seen = Seen::InVain(micros(3_000));
/// A wait that a spin would have caught, but for the kernel's wake-up.
const SHORT: Seen = Seen::Parked(micros(60));
const LONG: Seen = Seen::Parked(Duration::from_secs(1));

const EVERY: [Seen; 5] = [Seen::Answered, IN_VAIN, OVERRUN, SHORT, LONG];

/// Some instant, where it does not matter which.
const NOW: Duration = Duration::from_secs(1_000);
/// Later than any rest.
const MUCH_LATER: Duration = Duration::from_secs(2_000);

/// How many waits like `parked` go without a spin before the next one, with two CPUs and no rest.
fn waits_before_a_spin(mut record: Record, parked: Seen) -> u32 {
    let mut waits = 0;
    while record.plan(Cpus::Several, MUCH_LATER) == Plan::Park {
        record = record.after(parked, MUCH_LATER);
        waits += 1;
        assert!(waits <= 100, "it never spins again: {record:?}");
    }
    waits
}

fn after(seen: impl IntoIterator<Item = Seen>) -> Record {
    seen.into_iter().fold(Record::default(), |record, seen| record.after(seen, NOW))
}

/// Every record that any history of waits leads to, all of them at one instant. They are few: the numbers are
/// bounded.
fn every_record() -> HashSet<Record> {
    let mut found = HashSet::new();
    let mut left = VecDeque::from([Record::default()]);
    while let Some(record) = left.pop_front() {
        if found.insert(record) {
            left.extend(EVERY.map(|seen| record.after(seen, NOW)));
        }
    }
    found
}

/// When the first spin may come, if a slice is lost at each of these instants.
fn rest_after_overruns_at(instants: &[Duration]) -> Duration {
    let lost = |record: Record, now: &Duration| record.after(OVERRUN, *now);
    let record = instants.iter().fold(Record::default(), lost);
    let over = record.rest.end;
    assert_eq!(record.plan(Cpus::Several, over - Duration::from_nanos(1)), Plan::Park);
    assert_ne!(record.plan(Cpus::Several, over), Plan::Park);
    over - *instants.last().expect("a slice is lost")
}

#[test]
fn the_first_wait_spins() {
    assert_ne!(Record::default().plan(Cpus::Several, Duration::ZERO), Plan::Park);
}

#[test]
fn no_wait_spins_on_one_cpu() {
    for record in every_record() {
        assert_eq!(record.plan(Cpus::One, MUCH_LATER), Plan::Park, "{record:?}");
    }
}

#[test]
fn a_process_has_several_cpus_from_two_on() {
    assert_eq!([0, 1, 2, 64].map(Cpus::of), [Cpus::One, Cpus::One, Cpus::Several, Cpus::Several]);
}

fn burst(cpus: Cpus) -> Burst {
    cpus.burst().expect("it is none only on one CPU")
}

/// On each as often as on others, but the likelier the other end waits for this CPU, the sooner it has it.
#[test]
fn the_cpus_decide_how_soon_a_spin_yields() {
    assert!(
        burst(Cpus::Shared) < burst(Cpus::Several) && burst(Cpus::Several) < burst(Cpus::Apart)
    );
    for record in every_record() {
        for now in [NOW, MUCH_LATER] {
            let plan = record.plan(Cpus::Several, now);
            for cpus in [Cpus::Shared, Cpus::Apart] {
                let expected = if plan == Plan::Park { plan } else { Plan::Spin(burst(cpus)) };
                assert_eq!(record.plan(cpus, now), expected, "{record:?}");
            }
        }
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
        record = match record.plan(Cpus::Several, NOW) {
            Plan::Spin(_) => {
                spins += 1;
                record.after(IN_VAIN, NOW)
            }
            Plan::Park => record.after(LONG, NOW),
        };
    }
    assert!((100..=106).contains(&spins), "spins: {spins}");
}

#[test]
fn a_lost_slice_stops_spinning_for_a_time_however_many_waits_come() {
    for mut record in every_record() {
        record = record.after(OVERRUN, NOW);
        let over = record.rest.end;
        assert!(over > NOW, "{record:?}");
        for _ in 0..10_000 {
            assert_eq!(record.plan(Cpus::Several, over - Duration::from_nanos(1)), Plan::Park);
            record = record.after(SHORT, NOW);
        }
        assert_ne!(record.plan(Cpus::Several, over), Plan::Park, "{record:?}");
    }
}

#[test]
fn a_spin_lost_a_slice_from_four_budgets_on() {
    for (took, lost) in [(19, false), (55, false), (199, false), (200, true), (10_000, true)] {
        let record = Record::default().after(Seen::InVain(micros(took)), NOW);
        assert_eq!(record.rest.length > Duration::ZERO, lost, "after {took} µs");
    }
    assert!(BUDGET < micros(200), "a spin of the budget lost none");
}

/// 20, 40, 80 ... ms, if a slice is lost as soon as the rest is over: at most one slice in such a time.
#[test]
fn each_slice_lost_soon_after_a_rest_doubles_the_rest_up_to_a_second() {
    let mut instants = vec![NOW];
    for expected in [20, 40, 80, 160, 320, 640, 1_000, 1_000] {
        let rest = rest_after_overruns_at(&instants);
        assert_eq!(rest.as_millis(), expected);
        instants.push(instants[instants.len() - 1] + rest);
    }
}

/// Spins that have held for as long as they had to rest begin anew.
#[test]
fn a_slice_lost_long_after_a_rest_counts_as_the_first() {
    let ms = Duration::from_millis;
    assert_eq!(rest_after_overruns_at(&[NOW, NOW + ms(39)]), ms(40));
    assert_eq!(rest_after_overruns_at(&[NOW, NOW + ms(40)]), ms(20));
}

#[test]
fn a_good_spin_forgets_all_but_a_rest_that_is_not_earned_back() {
    for record in every_record() {
        assert_eq!(record.after(Seen::Answered, MUCH_LATER), Record::default(), "{record:?}");
        let kept = Record { rest: record.rest, ..Record::default() };
        assert_eq!(record.after(Seen::Answered, NOW), kept, "{record:?}");
    }
}

#[test]
fn short_waits_bring_the_spin_back_eight_times_sooner() {
    let table = [(1, 1), (3, 1), (4, 2), (6, 8), (100, 8)];
    for (in_vain, waits) in table {
        let record = after(std::iter::repeat_n(IN_VAIN, in_vain));
        assert_eq!(waits_before_a_spin(record, SHORT), waits, "after {in_vain} in vain");
    }
}

#[test]
fn a_wait_is_short_below_a_hundred_microseconds() {
    let record = after([IN_VAIN; 6]);
    for (took, left) in [(0, 55), (99, 55), (100, 62), (1_000_000, 62)] {
        assert_eq!(record.after(Seen::Parked(micros(took)), NOW).skips, left, "after {took} µs");
    }
}

#[test]
fn a_wait_without_a_spin_forgets_neither_the_spins_in_vain_nor_the_rest() {
    for record in every_record() {
        for parked in [SHORT, LONG] {
            let after = record.after(parked, MUCH_LATER);
            assert_eq!((after.in_vain, after.rest), (record.in_vain, record.rest));
            assert!(after.skips <= record.skips, "{record:?}");
        }
    }
}

#[test]
fn from_every_record_it_spins_again_when_answers_come_soon_again() {
    for mut record in every_record() {
        for _ in 0..8 {
            record = match record.plan(Cpus::Several, MUCH_LATER) {
                Plan::Spin(_) => record.after(Seen::Answered, MUCH_LATER),
                Plan::Park => record.after(SHORT, MUCH_LATER),
            };
        }
        assert_ne!(record.plan(Cpus::Several, MUCH_LATER), Plan::Park);
        let answered = record.after(Seen::Answered, MUCH_LATER);
        assert_ne!(answered.plan(Cpus::Several, MUCH_LATER), Plan::Park, "and stays so");
    }
}

/// Without lost slices no time matters, so the two can be compared wait by wait.
#[test]
fn a_history_is_a_record_that_remembers() {
    let (history, mut record) = (History::default(), Record::default());
    let timeless = [Seen::Answered, IN_VAIN, SHORT, LONG];
    for step in 0..5_000_usize {
        let seen = timeless[(step * step + step / 7) % timeless.len()];
        for cpus in [Cpus::One, Cpus::Shared, Cpus::Several, Cpus::Apart] {
            let plan = record.plan(cpus, Duration::ZERO);
            assert_eq!(history.plan(cpus), plan, "at step {step}");
        }
        history.note(seen);
        record = record.after(seen, Duration::ZERO);
    }
}

#[test]
fn a_history_rests_after_a_lost_slice_and_then_spins_again() {
    let history = History::default();
    let start = std::time::Instant::now();
    history.note(OVERRUN);
    while history.plan(Cpus::Several) == Plan::Park {
        assert!(start.elapsed() < Duration::from_secs(20), "it never spins again");
        std::thread::yield_now();
    }
    assert!(start.elapsed() >= Duration::from_millis(20), "{:?}", start.elapsed());
}

#[test]
fn a_spin_sees_an_answer_that_is_there() {
    assert_eq!(spin(burst(Cpus::Several), || true), Seen::Answered);
}

#[test]
fn a_spin_sees_an_answer_that_comes() {
    let mut looks = 0;
    let answered = || {
        looks += 1;
        looks > 32
    };
    // The first burst is over by then; on a machine too busy, a time slice may be lost.
    let seen = spin(burst(Cpus::Several), answered);
    assert!(seen == Seen::Answered || matches!(seen, Seen::InVain(took) if took >= micros(200)));
}

#[test]
fn a_spin_in_vain_takes_its_budget() {
    match spin(burst(Cpus::Several), || false) {
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
    match spin(burst(Cpus::Several), answered) {
        Seen::InVain(took) => assert!(took >= micros(200), "{took:?}"),
        seen => panic!("it took 300 µs: {seen:?}"),
    }
}

/// The answer that comes during the last yield is not lost: there is one look after the budget.
#[test]
fn a_spin_looks_once_more_at_its_end() {
    let start = std::time::Instant::now();
    let seen = spin(burst(Cpus::Several), || start.elapsed() >= BUDGET);
    assert!(seen == Seen::Answered || matches!(seen, Seen::InVain(took) if took >= micros(200)));
}

#[test]
fn the_next_call_is_waited_for_once_after_each_answer() {
    let next = NextCall::default();
    assert!(!next.is_expected() && !next.take(), "nobody has called yet");
    for _ in 0..3 {
        next.expect();
        // Two callers that are answered at once are waited for together.
        next.expect();
        assert!(next.is_expected() && next.take());
        // From here on what calls wait for is what the loop waits for.
        assert!(!next.is_expected() && !next.take());
    }
}
