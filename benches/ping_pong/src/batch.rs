//! A batch: round trips in one spacing and one placement, the same that `_measure.py` gives calls.

use std::io;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::bell::Bell;
use crate::partner::Partner;

enum Primitive {
    Futex,
    Eventfd,
}

enum Placement {
    Unpinned,
    Pinned,
    Spread,
}

enum Caller {
    Kept,
    Fresh,
}

/// What one line asks for.
pub(crate) struct Batch {
    primitive: Primitive,
    placement: Placement,
    caller: Caller,
    pause: Duration,
    most_calls: usize,
    most_time: Duration,
}

impl FromStr for Batch {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[primitive, placement, caller, pause, most_calls, most_time] = &words[..] else {
            return Err(format!("a request has six words, not {}: {line:?}", words.len()));
        };
        let number = |word: &str| {
            word.parse::<u32>().map_err(|error| format!("{word:?} in {line:?}: {error}"))
        };
        let unknown = |word: &str| format!("{word:?} in {line:?} is none of the words for it");
        Ok(Self {
            primitive: match primitive {
                "futex" => Primitive::Futex,
                "eventfd" => Primitive::Eventfd,
                other => return Err(unknown(other)),
            },
            placement: match placement {
                "unpinned" => Placement::Unpinned,
                "pinned" => Placement::Pinned,
                "spread" => Placement::Spread,
                other => return Err(unknown(other)),
            },
            caller: match caller {
                "kept" => Caller::Kept,
                "fresh" => Caller::Fresh,
                other => return Err(unknown(other)),
            },
            pause: Duration::from_micros(number(pause)?.into()),
            most_calls: number(most_calls)? as usize,
            most_time: Duration::from_millis(number(most_time)?.into()),
        })
    }
}

/// The kept threads, one for each primitive, and the CPUs that threads may use.
pub(crate) struct Partners {
    futex: Partner,
    eventfd: Partner,
    usable: Vec<usize>,
}

impl Partners {
    pub(crate) fn start() -> io::Result<Self> {
        let usable = sched_getaffinity(None)?;
        Ok(Self {
            futex: Partner::start([Bell::futex(), Bell::futex()])?,
            eventfd: Partner::start([Bell::eventfd()?, Bell::eventfd()?])?,
            usable: (0..CpuSet::MAX_CPU).filter(|&cpu| usable.is_set(cpu)).collect(),
        })
    }

    /// Times a batch, in nanoseconds.
    pub(crate) fn time(&self, batch: &Batch) -> io::Result<Vec<u128>> {
        let partner = match batch.primitive {
            Primitive::Futex => &self.futex,
            Primitive::Eventfd => &self.eventfd,
        };
        let half = self.usable.len() / 2;
        let (ours, theirs) = match batch.placement {
            Placement::Unpinned => (&self.usable[..], &self.usable[..]),
            Placement::Pinned => {
                let last = &self.usable[self.usable.len().saturating_sub(1)..];
                (last, last)
            }
            Placement::Spread => (&self.usable[half..], &self.usable[..half]),
        };
        let call = || {
            place(None, ours)?;
            place(Some(partner.thread), theirs)?;
            round_trips(partner, batch)
        };
        match batch.caller {
            Caller::Kept => call(),
            Caller::Fresh => thread::scope(|scope| scope.spawn(call).join())
                .unwrap_or_else(|_| Err(io::Error::other("the fresh thread panicked"))),
        }
    }
}

/// Gives a thread its CPUs; `None` is the calling thread.
fn place(thread: Option<Pid>, cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    Ok(sched_setaffinity(thread, &set)?)
}

fn round_trips(partner: &Partner, batch: &Batch) -> io::Result<Vec<u128>> {
    let mut durations = Vec::with_capacity(batch.most_calls);
    let first = Instant::now();
    while durations.is_empty()
        || (durations.len() < batch.most_calls && first.elapsed() < batch.most_time)
    {
        pause(batch.pause);
        let begin = Instant::now();
        partner.round_trip()?;
        durations.push(begin.elapsed().as_nanos());
    }
    Ok(durations)
}

#[expect(clippy::disallowed_methods, reason = "the spacing is what is asked for")]
fn pause(duration: Duration) {
    if !duration.is_zero() {
        thread::sleep(duration);
    }
}
