//! What needs a process of its own: forks, the end of threads, the panic hook, limits.
//!
//! Each program is this executable again, with the program's name. It has a limit, after which it is ended, so
//! that a hang fails. Where there is no fork, those are left out that fork, or that set limits of Unix.

#[path = "../support/mod.rs"]
mod support;

#[cfg(unix)]
mod fork;

#[cfg(unix)]
mod process;

#[cfg(not(unix))]
#[path = "process_elsewhere.rs"]
mod process;

mod thread_end;

mod panics;

#[cfg(unix)]
mod limits;

#[cfg(unix)]
mod first_calls;

#[cfg(unix)]
mod threads;

mod global;

#[cfg(feature = "hint")]
mod hint;

use std::env;
use std::process::{Command, ExitCode};

/// A program's name, and what to run.
type Program = (&'static str, fn());

const PROGRAMS: &[&[Program]] = &[
    #[cfg(unix)]
    fork::PROGRAMS,
    thread_end::PROGRAMS,
    panics::PROGRAMS,
    #[cfg(unix)]
    limits::PROGRAMS,
    #[cfg(unix)]
    first_calls::PROGRAMS,
    global::PROGRAMS,
    #[cfg(feature = "hint")]
    hint::PROGRAMS,
];

fn main() -> ExitCode {
    let programs = || PROGRAMS.iter().copied().flatten();
    let arguments: Vec<_> = env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    if let Ok(name) = env::var("SIDELOOP_PROGRAM") {
        process::limit();
        #[cfg(feature = "hint")]
        let programs = || programs().chain(hint::PANICKING);
        let (_, run) = programs().find(|(program, _)| *program == name).expect("it is listed");
        run();
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, _) in programs() {
        if !arguments.is_empty() && !arguments.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let program = Command::new(env::current_exe().expect("this program"))
            .env("SIDELOOP_PROGRAM", name)
            .output()
            .expect("it starts");
        println!("program {name} ... {}", if program.status.success() { "ok" } else { "FAILED" });
        if !program.status.success() {
            failed += 1;
            println!("{}\n{}", program.status, String::from_utf8_lossy(&program.stderr));
        }
    }
    ExitCode::from(u8::from(failed > 0))
}
