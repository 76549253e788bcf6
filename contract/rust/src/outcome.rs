//! What came of a row, and how its process says so: by one line on standard output.

use std::any::Any;
use std::fmt;

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All calls returned what they should.
    Works,
    /// The call's own time limit fired.
    TimesOut,
    /// With what message.
    Panics(String),
    /// It did not end within the row's time limit.
    Hangs,
    /// It returned something else than it should.
    Wrong(String),
    /// The process ended without a word: a signal, an abort.
    Dies(String),
}

impl Outcome {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Outcome::Works => "works",
            Outcome::TimesOut => "times out",
            Outcome::Panics(_) => "panics",
            Outcome::Hangs => "hangs",
            Outcome::Wrong(_) => "is wrong",
            Outcome::Dies(_) => "dies",
        }
    }

    pub(crate) fn says(&self) -> Option<&str> {
        match self {
            Outcome::Works | Outcome::TimesOut | Outcome::Hangs => None,
            Outcome::Panics(text) | Outcome::Wrong(text) | Outcome::Dies(text) => Some(text),
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (word, text) = line.split_once(": ").unwrap_or((line, ""));
        Some(match word {
            "works" => Outcome::Works,
            "times out" => Outcome::TimesOut,
            "panics" => Outcome::Panics(text.into()),
            "hangs" => Outcome::Hangs,
            "is wrong" => Outcome::Wrong(text.into()),
            "dies" => Outcome::Dies(text.into()),
            _ => return None,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.word())?;
        self.says().map_or(Ok(()), |text| write!(f, ": {}", text.replace('\n', " ")))
    }
}

/// Ends the process with this outcome.
pub(crate) fn report(outcome: &Outcome) -> ! {
    println!("{outcome}");
    std::process::exit(0)
}

/// Makes the first panic of the process, on whatever thread, its outcome: tasks would swallow it.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let message = text(info.payload()).unwrap_or("something that is no text");
        report(&Outcome::Panics(message.into()))
    }));
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied())
}

/// Ends the process as wrong if a call returned something else.
pub(crate) fn expect<T: PartialEq + fmt::Debug>(got: T, right: T) {
    if got != right {
        report(&Outcome::Wrong(format!("{got:?} instead of {right:?}")));
    }
}
