//! A step: a call whose awaitable is awaited in a host's task. Its caller's side, which is that of any call.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use sideloop_core::entry::Push;

use crate::call::{Answer, Call, Work};
use crate::context;
use crate::deadline::{self, Deadline};
use crate::drive::Drive;
use crate::entry::Message;
use crate::errors::name_of;
use crate::host::{Host, Place};
use crate::outcome::{Outcome, is_cancelled};
use crate::router::{Router, Variables};
use crate::runner::RunnerCore;
use crate::running::Run;

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The next item, which may have been read ahead.
    Item,
    /// Anything else that others may follow.
    Word,
    /// The only one: a call.
    Only,
    /// The last one, of a context manager: an error that came before is for its caller.
    Exit,
    /// The last one, of an iterator.
    Close,
    /// The same, and nobody waits.
    Collect,
    /// Nothing for its caller: have items read ahead.
    Refill,
}

impl Kind {
    /// Whether none may follow.
    pub(crate) fn is_last(self) -> bool {
        match self {
            Self::Only | Self::Exit | Self::Close | Self::Collect => true,
            Self::Item | Self::Word | Self::Refill => false,
        }
    }

    /// Whether it cleans up, which has to be done however late it is.
    fn cleans_up(self) -> bool {
        match self {
            Self::Exit | Self::Close | Self::Collect => true,
            Self::Only | Self::Item | Self::Word | Self::Refill => false,
        }
    }

    /// The outcome when all is over.
    pub(crate) fn nothing_left(self, py: Python<'_>) -> Outcome {
        match self {
            Self::Item => Outcome::Error(PyStopAsyncIteration::new_err(())),
            Self::Word | Self::Only | Self::Exit | Self::Close | Self::Collect | Self::Refill => {
                Outcome::Value(py.None())
            }
        }
    }
}

/// What to await in the host's task.
pub(crate) struct Step {
    pub(crate) host: Py<Host>,
    pub(crate) kind: Kind,
    pub(crate) async_fn: Py<PyAny>,
    pub(crate) args: Option<Py<PyTuple>>,
}

impl Step {
    fn new(
        host: &Bound<'_, Host>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> Self {
        Self {
            host: host.clone().unbind(),
            kind,
            async_fn: async_fn.clone_ref(host.py()),
            args: args.map(|args| args.clone().unbind()),
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.host)?;
        visit.call(&self.async_fn)?;
        visit.call(&self.args)
    }
}

impl Host {
    /// Run a step to its end. Blocks, detached.
    ///
    /// # Errors
    /// What the step raises; `ValueError` while another one runs; what ends any call.
    pub(crate) fn step(
        slf: &Bound<'_, Self>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Py<PyAny>> {
        let (py, host) = (slf.py(), slf.get());
        // ORDERING: Relaxed: read and written attached.
        if host.busy.swap(true, Ordering::Relaxed) {
            return Err(PyValueError::new_err(format!(
                "{} is running a step already, for another thread or for a signal handler; let one thread \
                 at a time use it",
                name_of(host.async_fn.bind(py))
            )));
        }
        let stepped = match host.router.bind(py).get().variables {
            Variables::Copied => Self::step_alone(slf, kind, async_fn, args),
            Variables::BroughtBack => Self::step_and_bring_back(slf, kind, async_fn, args),
        };
        host.busy.store(false, Ordering::Relaxed);
        if stepped.is_err() && kind.cleans_up() && !host.is_over() {
            // Interrupted before it began. Nothing of the user's is left undone for that.
            Self::close_soon(slf, async_fn, args);
        }
        stepped
    }

    /// Run a call as the only step of a host of its own.
    pub(crate) fn run_alone(
        router: &Bound<'_, Router>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        let py = router.py();
        let attend = py.import("sideloop._views.host")?.getattr("attend")?.unbind();
        let (router, name) = (router.clone().unbind(), async_fn.clone().unbind());
        let host = Self::new(router, name, attend, py.None(), None, 0);
        let with_args = py.import("functools")?.getattr("partial")?;
        let mut all = vec![async_fn.clone()];
        all.extend(args.iter());
        let call = with_args.call(PyTuple::new(py, all)?, Some(kwargs))?;
        Self::step(&Bound::new(py, host)?, Kind::Only, call.as_unbound(), None)
    }

    fn step_and_bring_back(
        slf: &Bound<'_, Self>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Py<PyAny>> {
        let (py, host) = (slf.py(), slf.get());
        let before = match host.context() {
            Some(context) => context.bind(py).call_method0("copy")?,
            None => context::copy_current(py)?.into_bound(py),
        };
        let stepped = Self::step_alone(slf, kind, async_fn, args);
        if let Some(after) = host.context() {
            context::bring_back(&before, after.bind(py))?;
        }
        stepped
    }

    fn step_alone(
        slf: &Bound<'_, Self>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Py<PyAny>> {
        let (py, host) = (slf.py(), slf.get());
        let name = host.async_fn.bind(py);
        loop {
            let core = match host.core.get() {
                Some(core) => core.bind(py).clone(),
                None => host.router.bind(py).get().runner(name)?,
            };
            let given = deadline::given(py)?;
            host.share(py, given.as_ref())?;
            let mut deadline = given.map(|given| Deadline::of(&given)).transpose()?;
            if kind.cleans_up() {
                // The time for cleaning up is the grace, however late it is.
                let grace_end = Instant::now() + core.get().grace;
                deadline = deadline.map(|it| Deadline { at: it.at.max(grace_end), ..it });
            }
            let step = Step::new(slf, kind, async_fn, args);
            let done = RunnerCore::wait_for(&core, name, Work::Step(step), deadline);
            match done? {
                Run::Value(value) => return Ok(value),
                Run::NotStarted if host.core.get().is_none() => {}
                Run::NotStarted => return Self::after_the_end(slf, &core, kind),
            }
        }
    }

    /// Have the steps' context, and in it the deadline of this step for the calls nested in it.
    fn share(&self, py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let known = match self.context() {
            None => {
                let _ = self.context.set(context::copy_current(py)?);
                None
            }
            Some(context) => {
                let same = {
                    let inner = self.inner();
                    let before = inner.deadline.as_ref().map(|deadline| deadline.as_ptr());
                    before == given.map(Bound::as_ptr)
                };
                if same {
                    return Ok(());
                }
                Some(context)
            }
        };
        let before = {
            let given = given.map(|given| given.clone().unbind());
            std::mem::replace(&mut self.inner().deadline, given)
        };
        drop(before);
        if let Some(context) = known {
            // In vain while an item is read ahead: that one has no caller, and no deadline.
            let _ = deadline::give(context.bind(py), given);
        }
        Ok(())
    }

    /// What a step gets on a loop that has ended.
    fn after_the_end(
        slf: &Bound<'_, Self>,
        core: &Bound<'_, RunnerCore>,
        kind: Kind,
    ) -> PyResult<Py<PyAny>> {
        let (py, host) = (slf.py(), slf.get());
        Self::outlast(slf, core.get())?;
        let before = std::mem::replace(&mut host.inner().place, Place::Over);
        match (host.take_last(py, kind), before) {
            (Some(Outcome::Error(error)), _) if !is_cancelled(error.value(py)) => Err(error),
            (None, Place::Over) => match kind.nothing_left(py) {
                Outcome::Error(error) => Err(error),
                Outcome::Value(_) | Outcome::NotStarted => Ok(py.None()),
            },
            (Some(Outcome::Value(value)), _) => Ok(value),
            (None, _) if kind == Kind::Close => Ok(py.None()),
            (Some(_) | None, _) if core.get().entry.is_orphaned() => {
                Err(PyRuntimeError::new_err(format!(
                    "{} was begun before the fork, on a loop of the parent process; begin it anew",
                    name_of(host.async_fn.bind(py))
                )))
            }
            (Some(_) | None, _) => {
                Err(core.get().stopped_error(py, name_of(host.async_fn.bind(py))))
            }
        }
    }

    /// Run the last step of an iterator, unless it is over.
    pub(crate) fn close_with(slf: &Bound<'_, Self>, async_fn: &Bound<'_, PyAny>) -> PyResult<()> {
        let host = slf.get();
        let new = {
            let mut inner = host.inner();
            let new = matches!(inner.place, Place::New) && !host.busy.load(Ordering::Relaxed);
            if new {
                inner.place = Place::Over;
            }
            new || (matches!(inner.place, Place::Over) && inner.ready.is_empty())
        };
        if new {
            Ok(())
        } else {
            Self::step(slf, Kind::Close, async_fn.as_unbound(), None).map(drop)
        }
    }

    /// The same, and do not wait. Where the calling thread drives the loop it runs here, since it would
    /// wait for the next call otherwise.
    pub(crate) fn collect_with(slf: &Bound<'_, Self>, async_fn: &Bound<'_, PyAny>) {
        let Some(core) = slf.get().core.get().map(|core| core.bind(slf.py()).get()) else { return };
        let here = match &core.drive {
            Drive::Caller(driver) => driver.is_mine() && !driver.is_driving(),
            Drive::Thread | Drive::Other(_) => false,
        };
        if !here || !core.entry.accepts() {
            Self::close_soon(slf, async_fn.as_unbound(), None);
        } else if let Err(error) = Self::close_with(slf, async_fn) {
            error.write_unraisable(slf.py(), Some(slf));
        }
    }

    /// A cancellation that came because the loop ended, as what it was.
    pub(crate) fn explain(&self, py: Python<'_>, cancellation: PyErr) -> Outcome {
        let core = self.core.get().map(|core| core.bind(py).get());
        Outcome::Error(match core.filter(|core| core.entry.is_stopping()) {
            Some(core) => core.stopped_error(py, name_of(self.async_fn.bind(py))),
            None => cancellation,
        })
    }

    /// Have the last step run, and do not wait for it. From any thread, whatever runs there.
    pub(crate) fn close_soon(
        slf: &Bound<'_, Self>,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) {
        Self::put(slf, Kind::Collect, async_fn, args);
    }

    /// Put a step in that nobody waits for.
    pub(crate) fn put(
        slf: &Bound<'_, Self>,
        kind: Kind,
        async_fn: &Py<PyAny>,
        args: Option<&Bound<'_, PyTuple>>,
    ) {
        let (py, host) = (slf.py(), slf.get());
        // Without a core no step has begun. One that was inherited through a fork is the parent's.
        let Some(core) = host.core.get().map(|core| core.bind(py)) else { return };
        if !core.get().entry.accepts() || host.is_over() {
            return;
        }
        let step = Step::new(slf, kind, async_fn, args);
        let name = host.async_fn.bind(py);
        let call = Call::new(
            core.clone().unbind(),
            name,
            Work::Step(step),
            Answer::Nobody,
            Instant::now(),
        );
        let Ok(call) = Bound::new(py, call) else { return };
        match core.get().entry.push(Message::Start(call.unbind())) {
            Ok(Push::Wake) => core.get().entry.ring(),
            Ok(Push::Awake) => {}
            // Closed: what is left unwinds.
            Err(_) => return,
        }
        let _ = RunnerCore::ring_attached(core);
    }
}

/// For who has no items: a context manager.
#[pymethods]
impl Host {
    /// Await `async_fn(*args)` in the task. Blocks, detached.
    #[pyo3(signature = (async_fn, *args))]
    fn run(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        Self::step(slf, Kind::Word, async_fn.as_unbound(), Some(args))
    }

    /// The same, as the last step.
    #[pyo3(signature = (async_fn, *args))]
    fn run_last(
        slf: &Bound<'_, Self>,
        async_fn: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        Self::step(slf, Kind::Exit, async_fn.as_unbound(), Some(args))
    }

    /// Await `async_fn()` as the last step, and do not wait: from a finalizer.
    fn collect(slf: &Bound<'_, Self>, async_fn: &Bound<'_, PyAny>) {
        Self::collect_with(slf, async_fn);
    }

    /// Whether the task has ended.
    #[getter]
    fn over(&self) -> bool {
        self.is_over()
    }
}
