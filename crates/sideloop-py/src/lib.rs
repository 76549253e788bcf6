//! The extension module `sideloop._sideloop`: the stations of a call, in the order it meets them.

use pyo3::prelude::*;

mod router;

mod runner;

mod running;

mod call;

mod nesting;

mod importing;
mod submit;

mod entry;

mod event_loop;

mod task;

mod step;

mod arrive;

mod host;

mod attend;

mod outlast;

mod awaiting;

mod iterate;

mod outcome;

mod handoff;

mod cancel;

mod drive;

mod guest;
mod statistics;

mod deadline;

mod errors;

mod context;

mod cpus;

mod thread;

mod names;

mod version;

mod vectorcall;

mod attached;

mod fork;

/// The native half of sideloop. Private: import from `sideloop` instead.
// The interpreter lock is declared needed until the extension is audited for running without it.
#[pymodule(gil_used = true)]
pub mod _sideloop {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::router::Router;

    #[pymodule_export]
    use super::runner::RunnerCore;

    #[pymodule_export]
    use super::call::Call;

    #[pymodule_export]
    use super::event_loop::LoopCore;

    #[pymodule_export]
    use super::event_loop::ReadyQueue;

    #[pymodule_export]
    use super::host::Host;

    #[pymodule_export]
    use super::iterate::Items;

    #[pymodule_export]
    use super::guest::run_as_guest;

    #[pymodule_export]
    use super::task::check_async_fn;

    #[pymodule_export]
    use super::errors::call_name;

    #[pymodule_export]
    use super::thread::ThreadLife;

    #[pymodule_export]
    use super::fork::generation;

    #[pymodule_export]
    use super::statistics::ended_counts;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::attached::check_interpreter_lock(module.py())?;
        super::fork::watch()?;
        // Everything that would be made at first use: see `names`.
        let py = module.py();
        super::names::names(py);
        super::version::is_at_least(py, 0);
        super::event_loop::prepare(py);
        super::errors::prepare_finalization(py)?;
        super::importing::prepare(py)?;
        module.add("deadline", super::deadline::variable(module.py())?)
    }
}
