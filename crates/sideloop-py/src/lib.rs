//! The extension module `sideloop._sideloop`, in layers: each imports only those below it, which
//! `tests/test_layers.py` reads. A call goes down from the face to the loop's entry, and comes back up by its end.

use pyo3::prelude::*;

mod face;

mod caller;

mod loop_side;

mod host;

mod finish;

mod send;

mod model;

mod tasks;

mod tls;

mod transport;

mod event_loop;

mod entry;

mod policy;

mod translate;

mod python;

mod system;

/// The native half of sideloop. Private: import from `sideloop` instead.
// Where CPython has no interpreter lock: see `python/interpreter_lock.rs`.
#[pymodule(gil_used = false)]
pub mod _sideloop {
    use super::{Bound, PyModule, PyResult};

    #[pymodule_export]
    use super::model::Router;

    #[pymodule_export]
    use super::model::RunnerCore;

    #[pymodule_export]
    use super::model::Call;

    #[pymodule_export]
    use super::entry::do_without_bells;

    #[pymodule_export]
    use super::event_loop::LoopCore;

    #[pymodule_export]
    use super::event_loop::ReadyQueue;

    #[pymodule_export]
    use super::event_loop::know_methods;

    #[pymodule_export]
    use super::transport::TransportCore;

    #[pymodule_export]
    use super::transport::Stream;

    #[pymodule_export]
    use super::transport::DatagramCore;

    #[pymodule_export]
    use super::transport::Datagrams;

    #[pymodule_export]
    use super::transport::{PipeCore, ReadPipeCore, WritePipeCore};

    #[pymodule_export]
    use super::transport::PipeEnd;

    #[pymodule_export]
    use super::transport::{
        accept_ready, begin_transport, fits, know_datagrams, know_pipes, know_transports,
        send_before_fork, start_connecting, start_receiving,
    };

    #[pymodule_export]
    use super::tls::TlsCore;

    #[pymodule_export]
    use super::tls::TlsTransportCore;

    #[pymodule_export]
    use super::tls::{know_tls_transports, make_tls, versions_of};

    #[pymodule_export]
    use super::model::Errand;

    #[pymodule_export]
    use super::face::ask_caller;

    #[pymodule_export]
    use super::face::caller_here;

    #[pymodule_export]
    use super::python::inside::{copy_context_inside_of, inside_variable, use_errands};

    #[pymodule_export]
    const IN_ERRAND: &str = super::python::inside::IN_ERRAND;

    #[pymodule_export]
    use super::model::Host;

    #[pymodule_export]
    use super::face::Items;

    #[pymodule_export]
    use super::face::TwinFunction;

    #[pymodule_export]
    use super::face::{bring_back, guest_core, run_as_guest};

    #[pymodule_export]
    use super::policy::async_fn::check_async_fn;

    #[pymodule_export]
    use super::policy::deadline::Limit;

    #[pymodule_export]
    use super::policy::deadline::check_time;

    #[pymodule_export]
    use super::python::sniffed::copy_context_for_python;

    #[pymodule_export]
    use super::caller::Making;

    #[pymodule_export]
    use super::caller::Latch;

    #[pymodule_export]
    use super::caller::NestedWait;

    #[pymodule_export]
    use super::caller::PutAside;

    #[pymodule_export]
    use super::caller::{resume_task, suspend_task};

    #[pymodule_export]
    use super::caller::AsDriver;

    #[pymodule_export]
    use super::caller::wait_in_hubs;

    #[pymodule_export]
    use super::policy::errors::call_name;

    #[pymodule_export]
    use super::policy::errors::check_not_finalizing;

    #[pymodule_export]
    use super::translate::Shape;

    #[pymodule_export]
    use super::translate::check_number;

    #[pymodule_export]
    use super::translate::translate;

    #[pymodule_export]
    use super::translate::translate_call;

    #[pymodule_export]
    use super::python::weak::{forget_weak, keep_weak};

    #[pymodule_export]
    use super::python::thread::ThreadLife;

    #[pymodule_export]
    use super::policy::handed::Handed;

    #[pymodule_export]
    use super::policy::insist::Insist;

    #[pymodule_export]
    use super::policy::one_at_a_time::OneAtATime;

    #[pymodule_export]
    use super::python::fork::generation;

    #[pymodule_export]
    use super::python::frames::current_frames;

    #[pymodule_export]
    use super::python::standing::{stack_of, standing_at};

    #[pymodule_export]
    use super::python::hold::make_held;

    #[pymodule_export]
    use super::model::ended_counts;

    #[pymodule_export]
    use super::model::turned_runner;

    #[pymodule_export]
    use super::model::run_hook_of;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        super::python::interpreter::check_only_one(py)?;
        super::python::interpreter_lock::take_or_do_without(module)?;
        super::python::fork::watch()?;
        super::model::forget_in_children()?;
        // Everything that would be made at first use: see `names`.
        super::python::names::names(py);
        super::python::version::is_at_least(py, 0);
        super::python::dictionary::prepare(py)?;
        super::python::versions::prepare(py)?;
        super::event_loop::prepare(py)?;
        super::transport::prepare(py)?;
        super::tls::prepare(py)?;
        super::policy::errors::prepare_finalization(py)?;
        super::policy::outcome::cancelled_class(py)?;
        super::policy::async_fn::prepare(py)?;
        super::policy::deadline::prepare(py)?;
        super::python::inside::prepare(py)?;
        super::python::sniffed::prepare(py)?;
        super::python::running_loop::prepare(py)?;
        super::caller::prepare(py)
    }
}

/// Imported in place of `_sideloop` asking for the interpreter lock: CPython takes it for what does not say that it
/// needs none.
#[pymodule(gil_used = true)]
pub mod _with_lock {}
