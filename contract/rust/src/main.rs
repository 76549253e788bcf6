//! Runs the table of call contexts (`contract/rust.toml`), each row a process with a time limit.
//!
//! - `check`: sideloop's outcomes must be those of the table, and those of the document;
//! - `generate`: runs the peers as well, and writes `docs/rust-contexts.md`;
//! - `row NAME BRIDGE`: one row, in this process. The first line on standard output is its outcome.
#![expect(clippy::disallowed_methods, reason = "the contexts are made with what else is banned")]

use std::process::ExitCode;

mod table;

mod process;

mod outcome;

mod bridge;

mod rows;

mod document;

use bridge::Bridge;
use outcome::Outcome;
use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["check"] => Table::read().and_then(|table| check(&table)),
        ["generate"] => Table::read().and_then(|table| generate(&table)),
        ["row", name, bridge] => row(name, bridge),
        _ => Err("usage: sideloop-contract check | generate | row NAME BRIDGE".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check(table: &Table) -> Result<(), String> {
    let document = document::read()?;
    let outcomes = process::run_all(table, &[Bridge::Sideloop]);
    let mut wrong: Vec<String> = Vec::new();
    for (row, outcomes) in table.rows.iter().zip(&outcomes) {
        let outcome = &outcomes[0];
        if !row.expects(outcome) {
            wrong.push(format!("{}: {} was expected, but it {outcome}", row.name, row.outcome));
        }
        if !document::has(&document, row) {
            wrong.push(format!("{}: not so in the document; run `make contract`", row.name));
        }
    }
    let works = outcomes.iter().filter(|outcomes| outcomes[0] == Outcome::Works).count();
    println!("{works} of {} contexts work", table.rows.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn generate(table: &Table) -> Result<(), String> {
    let outcomes = process::run_all(table, &Bridge::ALL);
    document::write(table, &outcomes)
}

fn row(name: &str, bridge: &str) -> Result<(), String> {
    let row = rows::find(name).ok_or_else(|| format!("no row is called {name}"))?;
    let bridge = Bridge::find(bridge).ok_or_else(|| format!("no bridge is called {bridge}"))?;
    outcome::report_panics();
    row(bridge);
    outcome::report(&Outcome::Works)
}
