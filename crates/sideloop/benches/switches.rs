//! How often the threads of this process were switched: what a wait costs that no busy machine changes much.

use std::fs;
use std::io;

/// All switches of the threads that are alive, by their own will and against it, as Linux counts them.
///
/// # Errors
/// On other systems.
pub fn so_far() -> io::Result<u64> {
    let mut switches = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        let counts = status.lines().filter(|line| line.contains("ctxt_switches:"));
        let counts = counts.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
        switches += counts.sum::<u64>();
    }
    Ok(switches)
}
