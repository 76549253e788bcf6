//! Every event in every state: what it says, and what it leads to, as `table.txt` has it.
//!
//! To write the table anew after a change that is meant: `SIDELOOP_WRITE_TABLE=1 cargo test -p sideloop-core
//! --test host`, then read each line that has changed.

use std::fmt::Write as _;
use std::path::Path;

use sideloop_core::handoff::handoff;
use sideloop_core::host::{Kind, Time, Wish};

use crate::parts::{Call, Got, Said, Tested, Words, wish};

fn first(kind: Kind) -> Wish<Words> {
    wish(Call::waits(1), kind)
}

/// A host with one outcome to be read ahead, and its first step.
fn asked(kind: Kind) -> Tested {
    let mut host = Tested::new(1);
    let _ = host.sit();
    let _ = host.arrive(first(kind));
    host
}

fn running(kind: Kind) -> Tested {
    let mut host = asked(kind);
    let _ = host.look(Time::Spare);
    host
}

fn waiting(kind: Kind) -> Tested {
    let mut host = running(kind);
    let _ = host.suspended("coroutine", "future");
    host
}

/// Told, and about to look again.
fn awake() -> Tested {
    let mut host = running(Kind::Item);
    let _ = host.ended(Got::Value(0));
    host
}

fn between() -> Tested {
    let mut host = awake();
    let _ = host.waits("wake");
    host
}

fn instead() -> Tested {
    let mut host = between();
    let _ = host.arrive(first(Kind::Item));
    host
}

fn reading_ahead() -> Tested {
    let mut host = awake();
    let _ = host.look(Time::Spare);
    let _ = host.suspended("coroutine", "future");
    host
}

fn over() -> Tested {
    let mut host = running(Kind::Close);
    let _ = host.ended(Got::Value(0));
    host
}

type State = (&'static str, fn() -> Tested);

const STATES: [State; 17] = [
    ("New", || Tested::new(1)),
    ("New, seated", || {
        let mut host = Tested::new(1);
        let _ = host.sit();
        host
    }),
    ("Awake, asked", || asked(Kind::Item)),
    ("Awake, asked by one who left", || {
        let mut host = Tested::new(1);
        let _ = host.arrive(wish(Call::left(1), Kind::Word));
        host
    }),
    ("Awake, told", awake),
    ("Awake, instead", instead),
    ("Awake, cancelled", || {
        let mut host = between();
        let _ = host.cancel("message");
        host
    }),
    ("Stepping, runs", || running(Kind::Item)),
    ("Stepping, awaits", || waiting(Kind::Word)),
    ("Stepping, awaits the last", || waiting(Kind::Exit)),
    ("Stepping, met instead", || {
        let mut host = instead();
        let _ = host.look(Time::Spare);
        let _ = host.suspended("coroutine", "future");
        host
    }),
    ("Stepping, runs instead", || {
        let mut host = instead();
        let _ = host.look(Time::Spare);
        host
    }),
    ("Stepping, ahead", reading_ahead),
    ("Stepping, rescue", || {
        let mut host = awake();
        let _ = host.throw();
        host
    }),
    ("Between", between),
    ("Over", over),
    ("Over, an error left", || {
        let mut host = reading_ahead();
        let _ = host.look(Time::Spare);
        let _ = host.ended(Got::Error(9));
        host
    }),
];

type Event = (&'static str, fn(&mut Tested) -> String);

const EVENTS: [Event; 28] = [
    ("sit", |host| host.sit().said()),
    ("take_item", |host| host.take_item().said()),
    ("close", |host| host.close().said()),
    ("rise", |host| host.rise().said()),
    ("arrive Item", |host| host.arrive(wish(Call::waits(2), Kind::Item)).said()),
    ("arrive Word", |host| host.arrive(wish(Call::waits(2), Kind::Word)).said()),
    ("arrive Exit", |host| host.arrive(wish(Call::waits(2), Kind::Exit)).said()),
    ("arrive Close", |host| host.arrive(wish(Call::waits(2), Kind::Close)).said()),
    ("arrive Collect", |host| host.arrive(wish(Call::waits(2), Kind::Collect)).said()),
    ("refill", |host| host.refill().said()),
    ("made", |host| host.made().said()),
    ("not_made", |host| host.not_made().said()),
    ("look Spare", |host| host.look(Time::Spare).said()),
    ("look Short", |host| host.look(Time::Short).said()),
    ("throw", |host| host.throw().said()),
    ("suspended", |host| host.suspended("other", "until").said()),
    ("ended, a value", |host| host.ended(Got::Value(5)).said()),
    ("ended, an error", |host| host.ended(Got::Error(5)).said()),
    ("waits", |host| host.waits("wake 2").said()),
    ("cancel", |host| host.cancel("message 2").said()),
    ("take_cancelled", |host| host.take_cancelled().said()),
    ("step_back", |host| host.step_back().said()),
    ("leftover", |host| host.leftover().said()),
    ("end", |host| host.end().said()),
    ("lost", |host| host.lost(Got::Error(6)).said()),
    ("outlast", |host| host.outlast(handoff().0).said()),
    ("late Item", |host| host.late(Kind::Item).said()),
    ("late Close", |host| host.late(Kind::Close).said()),
];

/// What can be told of a state: by what it says of itself, and by what comes of asking.
fn seen(host: &mut Tested) -> String {
    let is = [
        ("new", host.is_new()),
        ("over", host.is_over()),
        ("spent", host.is_spent()),
        ("awaits", host.awaiting().is_some()),
    ];
    let mut seen: Vec<&str> = is.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
    let seat = host.sit().said();
    seen.push(&seat);
    let next = host.look(Time::Short).said();
    seen.push(&next);
    seen.join(" ")
}

fn table() -> String {
    let mut lines = String::new();
    for (state, make) in STATES {
        let _ = writeln!(lines, "{state}");
        for (event, act) in EVENTS {
            let mut host = make();
            let said = act(&mut host);
            let _ = writeln!(lines, "    {event:<16}{said}  ->  {}", seen(&mut host));
        }
    }
    lines
}

#[test]
fn every_event_in_every_state_is_as_the_table_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/table.txt");
    let found = table();
    if std::env::var_os("SIDELOOP_WRITE_TABLE").is_some() {
        std::fs::write(&path, &found).expect("the table can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the table is there");
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn what_a_host_holds_is_shown_to_the_collector_and_cleared_at_once() {
    for (state, make) in STATES {
        let mut host = make();
        let mut held = 0;
        let counted: Result<(), ()> = host.try_for_each(|_| {
            held += 1;
            Ok(())
        });
        assert_eq!(counted, Ok(()));
        let garbage = host.clear();
        let mut again = 0;
        let _: Result<(), ()> = garbage.try_for_each(|_| {
            again += 1;
            Ok(())
        });
        assert_eq!((held, host.is_spent()), (again, true), "{state}");
        let nothing: Result<(), ()> = host.try_for_each(|_| Err(()));
        assert_eq!(nothing, Ok(()), "{state}");
    }
}
