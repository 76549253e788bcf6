//! What a subclass of the loop has made its own.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::core::LoopCore;

/// Which methods a subclass has made its own; those are called as methods.
pub(crate) struct Overrides {
    pub(crate) time: bool,
    pub(crate) process_events: bool,
    pub(super) run_once: bool,
    pub(super) call_soon: bool,
    pub(super) call_at: bool,
    pub(super) create_task: bool,
    pub(super) write_to_self: bool,
}

impl Overrides {
    pub(super) fn of(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = class.py();
        let core = py.get_type::<LoopCore>();
        let standard = py.import("asyncio.selector_events")?.getattr("BaseSelectorEventLoop")?;
        let from = |base: &Bound<'_, PyAny>, name: &str| -> PyResult<bool> {
            let own = class.getattr_opt(name)?;
            Ok(!own.is_some_and(|own| base.getattr(name).is_ok_and(|base| own.is(&base))))
        };
        Ok(Self {
            time: from(&core, "time")?,
            run_once: from(&core, "_run_once")?,
            call_soon: from(&core, "call_soon")?,
            call_at: from(&core, "call_at")?,
            create_task: from(&core, "create_task")?,
            process_events: from(&standard, "_process_events")?,
            write_to_self: from(&core, "_write_to_self")?,
        })
    }
}
