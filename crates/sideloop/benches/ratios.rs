//! The table of ratios: each peer's median beside sideloop's, out of one run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::Criterion;
use serde::Deserialize;

use crate::peers::{Peer, Sideloop};

/// What a group promises: its figure of sideloop's is at most so many times the peer's.
pub struct Claim {
    /// The criterion group.
    pub group: &'static str,
    /// The peer it is measured against.
    pub peer: &'static str,
    /// The most that sideloop may take, with the peer as 1.
    pub at_most: f64,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

struct Row {
    group: String,
    peer: String,
    nanoseconds: f64,
}

/// Run `benches` with criterion, then print the ratios, in the order of the groups' names, and of the numbers in them.
pub fn compare(name: &str, claims: &[Claim], benches: impl FnOnce(&mut Criterion)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/criterion").join(name);
    // What an earlier run has left is not of this one.
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
    }
    measure(&folder, benches);
    let mut rows = Vec::new();
    collect(&folder, &mut rows).expect("criterion's files");
    print(&mut rows, claims);
}

fn measure(folder: &Path, benches: impl FnOnce(&mut Criterion)) {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .output_directory(folder)
        .configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}

fn collect(folder: &Path, rows: &mut Vec<Row>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path.ends_with("new") {
            let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
            let estimates: Estimates = read(&path.join("estimates.json"))?;
            let value = benchmark.value_str.map(|value| format!(", {value}")).unwrap_or_default();
            rows.push(Row {
                group: benchmark.group_id + &value,
                peer: benchmark.function_id.unwrap_or_default(),
                nanoseconds: estimates.median.point_estimate,
            });
        } else if path.is_dir() {
            collect(&path, rows)?;
        }
    }
    Ok(())
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> io::Result<T> {
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

/// What sorts a name as a reader does: 4 threads before 16.
fn in_order(group: &str) -> Vec<(Option<u32>, &str)> {
    group.split(' ').map(|word| (word.parse().ok(), word)).collect()
}

fn print(rows: &mut [Row], claims: &[Claim]) {
    rows.sort_by(|left, right| {
        let groups = in_order(&left.group).cmp(&in_order(&right.group));
        groups.then(left.nanoseconds.total_cmp(&right.nanoseconds))
    });
    let median = |group: &str, peer: &str| {
        let row = rows.iter().find(|row| row.group == group && row.peer == peer);
        row.map(|row| row.nanoseconds)
    };
    for group in rows.chunk_by(|left, right| left.group == right.group) {
        let name = &group[0].group;
        println!("\n{name}\n{:>14}  to sideloop", "median");
        for Row { peer, nanoseconds, .. } in group {
            let ratio = median(name, Sideloop::NAME).map_or(f64::NAN, |own| nanoseconds / own);
            println!("{nanoseconds:>11.0} ns  x{ratio:<9.2} {peer}");
        }
    }
    for Claim { group, peer, at_most } in claims {
        if let (Some(own), Some(peers)) = (median(group, Sideloop::NAME), median(group, peer)) {
            let ratio = own / peers;
            let verdict = if ratio <= *at_most { "kept" } else { "NOT KEPT" };
            println!("\n{group}: x{ratio:.3} of {peer}, at most x{at_most:.3}: {verdict}");
        }
    }
}
