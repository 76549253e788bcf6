//! Whether the extension runs without the interpreter lock, where CPython is built to.
//!
//! Every place that relied on the lock has been given something in its stead. It does without where the suite was run
//! without, which is on CPython 3.13; elsewhere that is experimental, and has to be asked for. Else the lock is taken when
//! the extension is imported, as CPython has it for any extension that needs it; and it is CPython that takes it, for a
//! module of this very file that says so.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyModule;

/// What asks for it, with `1`; with `0` for the lock.
const VARIABLE: &str = "SIDELOOP_FREE_THREADED";

/// Whether the suite, the soak and ThreadSanitizer were run on a CPython of this version without the lock
/// (`docs/where-it-runs.md`).
const IS_TESTED: bool = cfg!(not(Py_3_14));

/// Have the interpreter lock taken, unless it was tested to do without, or somebody has asked for that; or there is always
/// one.
///
/// # Errors
/// `ImportError`, where CPython was told to take none, and nobody has asked.
pub(crate) fn take_or_do_without(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    if cfg!(not(Py_GIL_DISABLED)) || does_without(py)? {
        return Ok(());
    }
    let is_taken = || -> PyResult<bool> {
        let asked = py.import("sys")?.getattr_opt("_is_gil_enabled")?;
        asked.map_or(Ok(true), |asked| asked.call0()?.is_truthy())
    };
    if is_taken()? {
        return Ok(());
    }
    have_it_taken(module)?;
    if is_taken()? {
        return Ok(());
    }
    Err(PyImportError::new_err(format!(
        "sideloop takes the interpreter lock here, unless {VARIABLE}=1 says that it is to do without, which is \
         experimental where it was not tested: set that, or start Python without -X gil=0 and PYTHON_GIL=0"
    )))
}

fn does_without(py: Python<'_>) -> PyResult<bool> {
    let asked = py.import("os")?.getattr("environ")?.call_method1("get", (VARIABLE,))?;
    if IS_TESTED { asked.ne("0") } else { asked.eq("1") }
}

/// Import the module that needs it, out of the file that this one is in.
fn have_it_taken(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let spec = module.getattr("__spec__")?;
    let name = format!("{}._with_lock", module.name()?);
    let loader = py.import("importlib.machinery")?.getattr("ExtensionFileLoader")?;
    let loader = loader.call1((&name, spec.getattr("origin")?))?;
    let util = py.import("importlib.util")?;
    let spec = util.call_method1("spec_from_loader", (name, loader))?;
    util.call_method1("module_from_spec", (spec,)).map(drop)
}
