//! A step comes in: the loop thread's side of it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::call::Call;
use crate::context;
use crate::errors::name_of;
use crate::host::{Host, Place};
use crate::names::names;
use crate::outcome::Outcome;
use crate::step::{Kind, Step};
use crate::task::TaskMaker;

/// What a step finds when it comes in.
#[derive(Clone, Copy)]
enum Found {
    /// The item that it wants is being read ahead.
    ReadAhead,
    /// Something that nobody has asked for, and that has to stop.
    Unasked,
    /// A step whose caller waits no longer.
    LeftBehind,
    /// Nothing that runs, or that would not end by itself.
    Idle,
}

impl Host {
    /// A step has come in.
    pub(crate) fn arrive(
        slf: &Bound<'_, Self>,
        tasks: &TaskMaker,
        call: &Bound<'_, Call>,
        step: Step,
    ) -> PyResult<()> {
        let (py, host) = (slf.py(), slf.get());
        let kind = step.kind;
        let early = match kind {
            Kind::Refill => Some(Outcome::Value(py.None())),
            kind if host.is_over() => {
                Some(host.take_last(py, kind).unwrap_or_else(|| kind.nothing_left(py)))
            }
            Kind::Item | Kind::Word => host.inner().ready.pop_front(),
            Kind::Only | Kind::Exit | Kind::Close | Kind::Collect => None,
        };
        match early {
            Some(outcome) => host.finish(call, outcome),
            None => host.queue(call, step)?,
        }
        Self::go_on(slf, tasks, call)
    }

    /// Let the task find this step, or what runs now answer it.
    fn queue(&self, call: &Bound<'_, Call>, step: Step) -> PyResult<()> {
        let py = call.py();
        let (task, found) = {
            let mut inner = self.inner();
            let task = inner.task.as_ref().map(|task| task.clone_ref(py));
            let found = match (&inner.place, &inner.asked) {
                (Place::Stepping(_), None) if step.kind == Kind::Item => Found::ReadAhead,
                (Place::Stepping(_), Some(_)) if step.kind != Kind::Collect => Found::LeftBehind,
                (Place::Stepping(_), None) if !inner.rescuing => Found::Unasked,
                (Place::Stepping(_), _)
                | (Place::New | Place::Awake | Place::Between(_) | Place::Over, _) => Found::Idle,
            };
            match found {
                Found::ReadAhead => inner.asked = Some(call.clone().unbind()),
                Found::Unasked | Found::Idle => {
                    inner.next = Some((call.clone().unbind(), step));
                }
                Found::LeftBehind => {}
            }
            (task, found)
        };
        match (found, task) {
            (Found::LeftBehind, _) => self.finish(
                call,
                Outcome::Error(PyRuntimeError::new_err(format!(
                    "a step of {} that was left behind still runs",
                    name_of(self.async_fn.bind(py))
                ))),
            ),
            (_, None) => {}
            (Found::ReadAhead | Found::Idle, Some(task)) => {
                call.get().set_task(task.into_bound(py))
            }
            (Found::Unasked, Some(task)) => {
                call.get().set_task(task.bind(py).clone());
                task.call_method0(py, "cancel")?;
            }
        }
        Ok(())
    }

    /// Have the task look for what to do.
    fn go_on(slf: &Bound<'_, Self>, tasks: &TaskMaker, call: &Bound<'_, Call>) -> PyResult<()> {
        let (py, host) = (slf.py(), slf.get());
        let Some(context) = host.context().map(|context| context.bind(py)) else {
            return Ok(());
        };
        if let Some(wake) = host.wake() {
            return context::enter(context, || Self::step_in(slf, tasks, wake));
        }
        if !matches!(host.inner().place, Place::New) {
            return Ok(());
        }
        host.inner().place = Place::Awake;
        let runner = call.get().runner(py);
        let _ = host.core.set(runner.clone().unbind());
        let coroutine = host.attend.bind(py).call1((slf, &host.async_fn))?;
        let task = tasks.make(&coroutine, context)?;
        if let Some(own) = tasks.own_context(&task)? {
            let _ = host.task_context.set(own.unbind());
        }
        task.call_method1(names(py).add_done_callback.bind(py), (slf,))?;
        runner.get().keep_host(slf);
        call.get().set_task(task.clone());
        host.inner().task = Some(task.unbind());
        Ok(())
    }
}
