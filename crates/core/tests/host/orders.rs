//! Any order of events: an owner that does what the verdicts say, driven at random.
//!
//! Whatever comes, in whatever order: each step is answered once, one step runs at a time, outcomes come in the
//! order in which they were made and none is lost or doubled, nothing is begun that nobody has asked for while a
//! caller waits, and never more than were allowed.
#![expect(clippy::panic, reason = "a verdict that cannot be given there")]

use std::collections::{BTreeSet, VecDeque};

use sideloop_core::host::{
    Arrive, Asker, Cancel, Close, Ended, Item, Kind, Left, Look, Made, Refill, Rest, Rise, Sit,
    Suspended, Throw, Time, Waits, Wish,
};

use crate::parts::{Call, Got, Tested, Words, wish};

/// Numbers that look random, the same for a seed each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }
}

/// Where the task is, as its loop sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    NotMade,
    /// In the loop's queue.
    Scheduled,
    /// It waits for what was awaited.
    Blocked,
    /// It waits for the host.
    Hosted,
    Ended,
}

struct Owner {
    host: Tested,
    read_ahead: usize,
    dice: Dice,
    task: Task,
    /// The caller that sits there: its call, once it has put one in.
    seated: Option<Call>,
    /// Calls on their way in.
    entry: VecDeque<Wish<Words>>,
    refill_due: bool,
    calls: u32,
    unanswered: BTreeSet<u32>,
    made: u32,
    /// Outcomes as they were made, and as they were taken.
    values: Vec<u32>,
    taken: Vec<u32>,
    /// What user code runs or waits.
    running: bool,
    cancel_pending: bool,
    closing: bool,
    rescues: usize,
    /// What runs is the last step, which makes no item.
    closing_now: bool,
}

impl Owner {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let read_ahead = usize::try_from(dice.below(4)).unwrap_or_default();
        Self {
            host: Tested::new(read_ahead),
            read_ahead,
            dice,
            task: Task::NotMade,
            seated: None,
            entry: VecDeque::new(),
            refill_due: false,
            calls: 0,
            unanswered: BTreeSet::new(),
            made: 0,
            values: Vec::new(),
            taken: Vec::new(),
            running: false,
            cancel_pending: false,
            closing: false,
            rescues: 0,
            closing_now: false,
        }
    }

    // The callers.

    fn call(&mut self, kind: Kind) {
        self.calls += 1;
        let number = self.calls;
        if kind == Kind::Collect {
            // Nobody waits for it, but it is answered like any other.
            self.unanswered.insert(number);
            self.entry.push_back(wish(Call::waits(number), kind));
        } else {
            let call = Call::waits(number);
            self.unanswered.insert(number);
            self.seated = Some(call.clone());
            self.entry.push_back(wish(call, kind));
        }
    }

    fn act(&mut self) {
        match self.dice.below(12) {
            0..=4 => match self.host.take_item() {
                Item::Ready(outcome) => self.take(outcome),
                Item::Low(outcome) => {
                    self.take(outcome);
                    self.refill_due = true;
                }
                Item::Over => assert!(self.host.is_spent()),
                Item::Seated => {
                    assert!(self.seated.is_none(), "two sit there");
                    self.call(Kind::Item);
                }
                Item::Taken => assert!(self.seated.is_some(), "nobody sits there"),
            },
            5 => match self.host.sit() {
                Sit::Seated => {
                    assert!(self.seated.is_none(), "two sit there");
                    self.call(Kind::Word);
                }
                Sit::Taken => assert!(self.seated.is_some(), "nobody sits there"),
            },
            6 if self.dice.one_in(3) => match self.host.close() {
                Close::Over => assert!(self.host.is_spent()),
                Close::Seated => {
                    assert!(self.seated.is_none(), "two sit there");
                    self.call(Kind::Close);
                }
                Close::Taken => assert!(self.seated.is_some(), "nobody sits there"),
            },
            7 if self.dice.one_in(8) && self.task != Task::NotMade => self.call(Kind::Collect),
            _ => {
                // A caller that was told leaves, or one whose patience is over.
                let patient = !self.dice.one_in(20);
                let Some(call) =
                    self.seated.take_if(|call| !patient || !self.unanswered.contains(&call.number))
                else {
                    return;
                };
                if self.unanswered.remove(&call.number) {
                    call.leave();
                    self.cancel_task();
                }
                let rise = self.host.rise();
                assert_eq!(rise == Rise::Over, self.host.is_over());
            }
        }
    }

    fn answer(&mut self, call: Call, outcome: Got) {
        // What comes for one who left is lost.
        self.take(outcome);
        if call.waits() {
            let number = call.number;
            assert!(self.unanswered.remove(&number), "answered twice, or not asked: {number}");
        }
    }

    fn take(&mut self, outcome: Got) {
        if let Got::Value(value) = outcome
            && value > 0
        {
            self.taken.push(value);
        }
    }

    fn lose(&mut self, outcome: Got) {
        assert!(self.closing, "lost, and nobody closes");
        self.take(outcome);
    }

    fn answer_left(&mut self, call: Call, left: Left<Got>) {
        match left {
            Left::Next(outcome) => self.answer(call, outcome.unwrap_or(Got::Value(0))),
            // Closing loses what was made ahead.
            Left::All(outcomes) => {
                for outcome in outcomes {
                    self.lose(outcome);
                }
                self.answer(call, Got::Value(0));
            }
        }
    }

    // The loop thread.

    fn drain(&mut self) {
        let Some(wish) = self.entry.pop_front() else { return };
        let closing = self.closing;
        self.closing |= wish.kind.is_last();
        match self.host.arrive(wish) {
            Arrive::Make => {
                assert_eq!(self.task, Task::NotMade);
                if self.dice.one_in(8) {
                    let rest = self.host.not_made();
                    assert!(self.host.is_new(), "nothing has run");
                    self.settle_with(rest, Got::Error(1));
                    self.closing = false;
                } else {
                    self.task = Task::Scheduled;
                    assert_eq!(self.host.made(), Made::Runs);
                }
            }
            Arrive::StepIn => {
                assert_eq!(self.task, Task::Hosted, "it does not wait for the host");
                self.run(Time::Short, Seat::Instead);
            }
            Arrive::Queued => assert!(self.task != Task::Hosted, "nobody will look"),
            Arrive::Cancel => self.cancel_task(),
            Arrive::Tell(call, outcome) => {
                self.answer(call, outcome);
                self.refill();
            }
            Arrive::LeftBehind(call, _) => {
                self.closing = closing;
                self.answer(call, Got::Error(2));
            }
            Arrive::Over(wish, left) => self.answer_left(wish.call, left),
        }
    }

    fn refill(&mut self) {
        self.refill_due = false;
        match self.host.refill() {
            Refill::Nothing => {}
            Refill::WakeSoon(_) => {
                assert_eq!(self.task, Task::Hosted);
                self.task = Task::Scheduled;
            }
        }
    }

    fn cancel_task(&mut self) {
        match self.task {
            Task::NotMade | Task::Ended => {}
            Task::Scheduled | Task::Blocked => self.cancel_pending = true,
            Task::Hosted => match self.host.cancel("message") {
                Cancel::WakeSoon(_) => self.task = Task::Scheduled,
                Cancel::Noted(_) | Cancel::Elsewhere(_) => panic!("it waits for the host"),
            },
        }
    }

    fn turn(&mut self) {
        match self.task {
            Task::Scheduled => {}
            // What it waits for comes, or a cancellation.
            Task::Blocked if self.cancel_pending || self.dice.one_in(2) => {}
            Task::NotMade | Task::Blocked | Task::Hosted | Task::Ended => return,
        }
        let cancelled = self.host.take_cancelled().is_some();
        if cancelled || std::mem::take(&mut self.cancel_pending) {
            match self.host.throw() {
                Throw::Into(_, _) => self.went(Seat::Own),
                Throw::Rescue => {
                    assert!(!self.running);
                    self.rescues += 1;
                    self.running = true;
                    self.closing_now = false;
                    self.went(Seat::Own);
                }
                Throw::Over => self.task = Task::Ended,
                Throw::Woken(_) | Throw::Runs => panic!("only its task asks"),
            }
        } else {
            self.run(Time::Spare, Seat::Own);
        }
    }

    fn run(&mut self, time: Time, seat: Seat) {
        match self.host.look(time) {
            Look::Begin(work) => {
                self.closing_now = work == "close";
                assert!(!self.running, "two steps at a time");
                self.running = true;
                self.went(seat);
            }
            Look::ReadAhead => {
                assert!(!self.running, "two steps at a time");
                assert_eq!(seat, Seat::Own, "not in somebody's stead");
                let waits = |call: &Call| self.unanswered.contains(&call.number);
                assert!(!self.seated.as_ref().is_some_and(waits), "a caller waits");
                self.running = true;
                self.closing_now = false;
                self.went(seat);
            }
            Look::Resume(_) => self.went(seat),
            Look::Tell(call, outcome) => {
                self.answer(call, outcome);
                self.run(time, seat);
            }
            Look::Skip(wish) => {
                assert!(!wish.call.waits() && !wish.kind.cleans_up());
                self.run(time, seat);
            }
            Look::Woken(_) | Look::Runs => panic!("not here"),
            Look::Await(_) => self.task = Task::Blocked,
            Look::Wait => match self.host.waits("wake") {
                Waits::Between => self.task = Task::Hosted,
                Waits::WakeSoon(_) => self.task = Task::Scheduled,
                Waits::Nothing(_) => panic!("only its task waits"),
            },
            Look::Yield => self.task = Task::Scheduled,
            Look::Rest => assert_eq!(seat, Seat::Instead),
            Look::WakeSoon(_) => {
                assert_eq!(seat, Seat::Instead);
                self.task = Task::Scheduled;
            }
            Look::End => self.task = Task::Ended,
        }
    }

    /// User code has run: it waits, or it ends.
    fn went(&mut self, seat: Seat) {
        assert!(self.running, "what does not run goes on");
        if self.dice.one_in(3) {
            match (self.host.suspended("coroutine", "future"), seat) {
                (Suspended::Await(_), Seat::Own) => self.task = Task::Blocked,
                // It is woken at once, and finds what to wait for.
                (Suspended::Wake(_), Seat::Instead) => self.run(Time::Short, Seat::Own),
                (Suspended::Await(_), Seat::Instead)
                | (Suspended::Wake(_), Seat::Own)
                | (Suspended::Over(..), _) => panic!("not here"),
            }
            return;
        }
        self.running = false;
        self.made += 1;
        let outcome = if self.dice.one_in(12) {
            Got::Error(self.made)
        } else if self.closing_now {
            Got::Value(0)
        } else {
            self.values.push(self.made);
            Got::Value(self.made)
        };
        match self.host.ended(outcome) {
            Ended::Tell(call, outcome) => self.answer(call, outcome),
            Ended::Kept => {}
            Ended::Over(told, rest) => {
                if let Some((call, outcome)) = told {
                    self.answer(call, outcome);
                }
                assert_eq!(rest.wake.is_some(), seat == Seat::Instead);
                self.task = Task::Ended;
                self.settle(rest);
                return;
            }
            Ended::Late(_) => panic!("it is not over"),
        }
        let time = if self.dice.one_in(2) { Time::Spare } else { Time::Short };
        self.run(time, seat);
    }

    fn settle(&mut self, rest: Rest<Words>) {
        assert!(rest.asked.is_none() && rest.awaiting.is_none(), "it has ended");
        for outcome in rest.lost {
            self.lose(outcome);
        }
        for wish in rest.waiting {
            let left = self.host.left(wish.kind);
            self.answer_left(wish.call, left);
        }
    }

    fn settle_with(&mut self, rest: Rest<Words>, outcome: Got) {
        for wish in rest.waiting {
            self.answer(wish.call, outcome);
        }
    }

    fn step(&mut self) {
        match self.dice.below(6) {
            0 | 1 => self.act(),
            2 | 3 => self.drain(),
            4 if self.dice.one_in(30) => self.cancel_task(),
            4 if self.refill_due => self.refill(),
            _ => self.turn(),
        }
        let ahead = self.values.len() - self.taken.len();
        // Each rescue may make one more.
        assert!(
            ahead <= self.read_ahead + self.rescues,
            "{ahead} ahead, {} allowed",
            self.read_ahead
        );
        let in_order = self.taken.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(in_order, "not in the order in which they were made: {:?}", self.taken);
    }

    /// Let all that is under way end.
    fn finish(&mut self) {
        for _ in 0..200 {
            self.drain();
            self.turn();
            if self.refill_due {
                self.refill();
            }
        }
        assert!(self.entry.is_empty());
        assert!(self.unanswered.is_empty(), "somebody waits for ever: {:?}", self.unanswered);
        assert!(!self.closing || self.host.is_over(), "it was closed, and goes on");
    }
}

/// Whose place it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Own,
    Instead,
}

#[test]
fn whatever_the_order_everybody_is_answered_once() {
    for seed in 1..=4_000 {
        let mut owner = Owner::new(seed);
        for _ in 0..120 {
            owner.step();
        }
        owner.finish();
    }
}
