//! The extension in an interpreter that this program embeds, for the sanitizers: a cdylib under a sanitizer
//! does not load in a stock Python. `scripts/tsan` and `scripts/asan` build and run it.
//!
//! `embedded PROGRAM [ARGUMENT...]` runs a Python program with the sources' own `sideloop` on its path and
//! the extension linked in. Without a program it only imports the package, which is what `cargo test` does.

use std::path::Path;
use std::process::ExitCode;

use _sideloop::_sideloop;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Where the sources' `sideloop` is.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../python");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    Python::initialize();
    // The last reference to what the program holds goes with the process: nothing is finalized here.
    match Python::attach(|py| run(py, &arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Python::attach(|py| error.print(py));
            ExitCode::FAILURE
        }
    }
}

fn run(py: Python<'_>, arguments: &[String]) -> PyResult<()> {
    let sys = py.import("sys")?;
    let path = sys.getattr("path")?.cast_into::<PyList>()?;
    path.insert(0, PACKAGE)?;
    let extension = pyo3::wrap_pymodule!(_sideloop)(py);
    sys.getattr("modules")?.set_item("sideloop._sideloop", extension)?;
    let Some(program) = arguments.get(1).filter(|name| !name.starts_with('-')) else {
        return py.import("sideloop").map(drop);
    };
    sys.setattr("argv", &arguments[1..])?;
    // Where a program looks for its neighbours.
    path.insert(0, Path::new(program).parent().and_then(Path::to_str).unwrap_or("."))?;
    let builtins = py.import("builtins")?;
    let code = builtins.call_method1("compile", (std::fs::read(program)?, program, "exec"))?;
    builtins.call_method1("exec", (code, py.import("__main__")?.dict()))?;
    // As at the end of a program: the loops unwind, and their threads are joined.
    py.import("atexit")?.call_method0("_run_exitfuncs").map(drop)
}
