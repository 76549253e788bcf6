//! One row, one process, one time limit.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::bridge::Bridge;
use crate::outcome::Outcome;
use crate::table::Table;

/// What works takes milliseconds; the rest is for machines that are busy.
const LIMIT: Duration = Duration::from_secs(10);

/// Most of what takes long only waits.
const AT_ONCE: usize = 6;

/// The outcomes, a line for each row and in it one for each bridge.
pub(crate) fn run_all(table: &Table, bridges: &[Bridge]) -> Vec<Vec<Outcome>> {
    let cells: Vec<OnceLock<Outcome>> =
        (0..table.rows.len() * bridges.len()).map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(index) else { break };
                    let row = &table.rows[index / bridges.len()];
                    cell.get_or_init(|| run(&row.name, bridges[index % bridges.len()]));
                }
            });
        }
    });
    let mut outcomes = cells.into_iter().filter_map(OnceLock::into_inner);
    table.rows.iter().map(|_| outcomes.by_ref().take(bridges.len()).collect()).collect()
}

fn run(row: &str, bridge: Bridge) -> Outcome {
    match start(row, bridge) {
        Ok(child) => wait(child),
        Err(why) => Outcome::Dies(format!("the process did not start: {why}")),
    }
}

fn start(row: &str, bridge: Bridge) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["row", row, bridge.word()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// Standard output ends with the process, so that its end is what is waited for.
fn wait(mut child: Child) -> Outcome {
    let (told, listen) = mpsc::channel();
    let output = child.stdout.take();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|mut output| output.read_to_string(&mut text));
        let _ = told.send(read.map(|_| text));
    });
    let Ok(text) = listen.recv_timeout(LIMIT) else {
        let _ = child.kill();
        let _ = child.wait();
        return Outcome::Hangs;
    };
    let ended = child.wait();
    text.as_deref().and_then(|text| text.lines().next()).and_then(Outcome::parse).unwrap_or_else(
        || Outcome::Dies(ended.map_or_else(|why| why.to_string(), |status| status.to_string())),
    )
}
