//! The table as a document: what was seen, when `generate` ran it.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Deserialize;

use crate::bridge::Bridge;
use crate::outcome::Outcome;
use crate::table::{Row, Table, root};

const HEAD: &str = "\
# Where Rust code may call from

Each row was run as a process of its own, for sideloop and for other ways to run a future from sync
code, and this is what came of it. `make contract` runs it again and writes this page; the tests run
sideloop's column.

Unless a row says otherwise, its call awaits a timer, `yield_now` and a spawned task, and borrows an
`Rc` from its caller. *hangs*: not done after ten seconds. In the last two rows the call has a time
limit of 100 ms: sideloop's own, and for the others tokio's.

- sideloop: `sideloop::run_sync(future)`
- `Handle::block_on`: of tokio VERSION(tokio), with the runtime around the caller, or one kept aside
- `block_in_place`: `tokio::task::block_in_place(|| handle.block_on(future))`, with the same runtime
- futures: `futures::executor::block_on(future)`, VERSION(futures-executor)
- pollster: `pollster::block_on(future)`, VERSION(pollster)
- async-compat: `futures::executor::block_on(Compat::new(future))`, VERSION(async-compat)

";

fn path() -> PathBuf {
    root().join("docs/rust-contexts.md")
}

pub(crate) fn read() -> Result<String, String> {
    std::fs::read_to_string(path()).map_err(|why| format!("{:?}: {why}", path()))
}

/// Whether the document says of sideloop what the table says.
pub(crate) fn has(document: &str, row: &Row) -> bool {
    let start = format!("| {} | {}", row.context, row.outcome);
    document.lines().any(|line| line.starts_with(&start))
}

pub(crate) fn write(table: &Table, outcomes: &[Vec<Outcome>]) -> Result<(), String> {
    let mut text = head()?;
    let mut said: Vec<&str> = Vec::new();
    let titles = Bridge::ALL.map(Bridge::title).join(" | ");
    let _ = writeln!(text, "| called from | {titles} |\n|---{}|", "|---".repeat(Bridge::ALL.len()));
    for (row, outcomes) in table.rows.iter().zip(outcomes) {
        let cells: Vec<String> = outcomes.iter().map(|outcome| cell(outcome, &mut said)).collect();
        let _ = writeln!(text, "| {} | {} |", row.context, cells.join(" | "));
    }
    let works: Vec<String> =
        (0..Bridge::ALL.len()).map(|column| count(outcomes, column).to_string()).collect();
    let _ = writeln!(text, "| **works in** | {} |", works.join(" | "));
    text.push_str("\n## What does not work, and what does instead\n\n");
    for row in &table.rows {
        if let Some(why) = &row.why {
            let _ = writeln!(text, "- {}: {why}", row.context);
        }
    }
    text.push_str("\n## What the panics say\n\n");
    for (index, message) in said.iter().enumerate() {
        let _ = writeln!(text, "{}. {message}", index + 1);
    }
    std::fs::write(path(), text).map_err(|why| format!("{:?}: {why}", path()))
}

/// With the versions that this program was built with.
fn head() -> Result<String, String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }

    let path = root().join("Cargo.lock");
    let text = std::fs::read_to_string(&path).map_err(|why| format!("{path:?}: {why}"))?;
    let lock: Lock = toml::from_str(&text).map_err(|why| format!("{path:?}: {why}"))?;
    Ok(lock.package.iter().fold(String::from(HEAD), |head, Package { name, version }| {
        head.replace(&format!("VERSION({name})"), version)
    }))
}

fn cell<'a>(outcome: &'a Outcome, said: &mut Vec<&'a str>) -> String {
    let Some(message) = outcome.says() else { return outcome.word().into() };
    let number = said.iter().position(|other| *other == message).unwrap_or_else(|| {
        said.push(message);
        said.len() - 1
    });
    format!("{} ({})", outcome.word(), number + 1)
}

fn count(outcomes: &[Vec<Outcome>], column: usize) -> usize {
    outcomes.iter().filter(|outcomes| outcomes[column] == Outcome::Works).count()
}
