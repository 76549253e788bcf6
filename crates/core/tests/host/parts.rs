//! What a host is made of here: numbers and words.

use std::cell::Cell;
use std::fmt::{self, Debug, Formatter};
use std::rc::Rc;

use sideloop_core::host::{
    Arrive, Asker, Cancel, Close, Ended, Host, Item, Kind, Late, Left, Leftover, Look, Made,
    Outcome, Outlast, Parts, Refill, Rest, Rise, Sit, Suspended, Throw, Waits, Wish,
};

pub(crate) struct Words;

impl Parts for Words {
    type Call = Call;
    type Work = &'static str;
    type Awaiting = &'static str;
    type Object = &'static str;
    type Outcome = Got;
}

/// Who asked, by number; he may leave at any time.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) number: u32,
    waits: Rc<Cell<bool>>,
}

impl Call {
    pub(crate) fn waits(number: u32) -> Self {
        Self { number, waits: Rc::new(Cell::new(true)) }
    }

    pub(crate) fn left(number: u32) -> Self {
        Self { number, waits: Rc::default() }
    }

    pub(crate) fn leave(&self) {
        self.waits.set(false);
    }
}

impl Asker for Call {
    fn waits(&self) -> bool {
        self.waits.get()
    }
}

impl Debug for Call {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.waits.get() { "Waits" } else { "Left" };
        write!(formatter, "{word}({})", self.number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Value(u32),
    Error(u32),
}

impl Outcome for Got {
    fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

pub(crate) type Tested = Host<Words>;

pub(crate) fn wish(call: Call, kind: Kind) -> Wish<Words> {
    Wish { call, kind, work: if kind.is_last() { "close" } else { "work" } }
}

/// A verdict in words.
pub(crate) trait Said {
    fn said(self) -> String;
}

macro_rules! said_by_debug {
    ($($verdict:ty),*) => {
        $(impl Said for $verdict {
            fn said(self) -> String {
                format!("{self:?}")
            }
        })*
    };
}

said_by_debug!(
    Sit,
    Item<Got>,
    Close,
    Rise,
    Refill<&'static str>,
    Made,
    Waits<&'static str>,
    Cancel<&'static str>,
    Left<Got>,
    Leftover,
    Option<&'static str>
);

impl Said for Arrive<Words> {
    fn said(self) -> String {
        match self {
            Self::Make => "Make".into(),
            Self::StepIn => "StepIn".into(),
            Self::Queued => "Queued".into(),
            Self::Cancel => "Cancel".into(),
            Self::Tell(call, outcome) => format!("Tell({call:?}, {outcome:?})"),
            Self::LeftBehind(call, work) => format!("LeftBehind({call:?}, {work})"),
            Self::Over(wish, left) => format!("Over({:?}, {})", wish.call, left.said()),
        }
    }
}

impl Said for Look<Words> {
    fn said(self) -> String {
        match self {
            Self::Begin(work) => format!("Begin({work})"),
            Self::ReadAhead => "ReadAhead".into(),
            Self::Resume(awaiting) => format!("Resume({awaiting})"),
            Self::Tell(call, outcome) => format!("Tell({call:?}, {outcome:?})"),
            Self::Skip(wish) => format!("Skip({:?})", wish.call),
            Self::Woken(wake) => format!("Woken({wake})"),
            Self::Await(met) => format!("Await({met})"),
            Self::Wait => "Wait".into(),
            Self::Yield => "Yield".into(),
            Self::Rest => "Rest".into(),
            Self::WakeSoon(wake) => format!("WakeSoon({wake})"),
            Self::End => "End".into(),
            Self::Runs => "Runs".into(),
        }
    }
}

impl Said for Throw<Words> {
    fn said(self) -> String {
        match self {
            Self::Into(awaiting, met) => format!("Into({awaiting}, {met:?})"),
            Self::Rescue => "Rescue".into(),
            Self::Woken(wake) => format!("Woken({wake})"),
            Self::Over => "Over".into(),
            Self::Runs => "Runs".into(),
        }
    }
}

impl Said for Suspended<Words> {
    fn said(self) -> String {
        match self {
            Self::Await(until) => format!("Await({until})"),
            Self::Wake(wake) => format!("Wake({wake})"),
            Self::Over(awaiting, until) => format!("Over({awaiting}, {until})"),
        }
    }
}

impl Said for Ended<Words> {
    fn said(self) -> String {
        match self {
            Self::Tell(call, outcome) => format!("Tell({call:?}, {outcome:?})"),
            Self::Kept => "Kept".into(),
            Self::Over(told, rest) => format!("Over({told:?}, {})", rest.said()),
            Self::Late(outcome) => format!("Late({outcome:?})"),
        }
    }
}

impl Said for Rest<Words> {
    fn said(self) -> String {
        let mut words = Vec::new();
        words.extend(self.asked.map(|(call, kind)| format!("asked {call:?} for {kind:?}")));
        words.extend(self.waiting.iter().map(|wish| format!("waiting {:?}", wish.call)));
        words.extend(self.awaiting.map(|awaiting| format!("awaiting {awaiting}")));
        words.extend(self.wake.map(|wake| format!("to wake {wake}")));
        words.extend(self.lost.iter().map(|outcome| format!("loses {outcome:?}")));
        words.extend(self.objects.iter().map(|object| format!("holds {object}")));
        words.extend(self.outlasting.iter().map(|_| "outlasting".to_string()));
        format!("[{}]", words.join(", "))
    }
}

impl Said for Outlast {
    fn said(self) -> String {
        match self {
            Self::Wait => "Wait".into(),
            Self::Nothing(_) => "Nothing".into(),
        }
    }
}

impl Said for Late<Got> {
    fn said(self) -> String {
        match self {
            Self::Over(left) => format!("Over({})", left.said()),
            Self::Open(left) => format!("Open({})", left.said()),
        }
    }
}
