//! Genuine `asyncio.Handle` and `TimerHandle` objects, made and run without their Python methods.
//!
//! Both classes keep their state in slots. Where a slot lies is read from its member descriptor once,
//! and checked against an instance that the class itself has made; if anything is unlike what is
//! expected, all handles are made and run by their classes instead.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::failed;
use super::spare::Class;
use super::timer_class::derive;
use crate::python::dictionary;
use crate::python::names::names;
use crate::python::slots::{held, peek, put, section, slot, slot_offset};

/// Where the slots of a handle lie, in bytes from its start.
#[derive(Clone, Copy)]
struct Offsets {
    callback: isize,
    args: isize,
    cancelled: isize,
    event_loop: isize,
    source_traceback: isize,
    repr: isize,
    context: isize,
}

/// The classes of handles, and where their slots lie.
pub(crate) struct Layout {
    handle: Class,
    /// Derived from asyncio's: see `timer_class.rs`.
    timer: Class,
    /// asyncio's own, which makes those of debug mode.
    plain_timer: Py<PyType>,
    /// A handle with a lock of its own, which `call_soon_threadsafe` makes since CPython 3.14.
    locked: Option<Py<PyType>>,
    offsets: Offsets,
    scheduled: isize,
    when: isize,
}

static LAYOUT: OnceLock<Option<Layout>> = OnceLock::new();

/// The layout, or None if the classes are unlike what is known.
#[inline]
pub(crate) fn layout(py: Python<'_>) -> Option<&'static Layout> {
    match LAYOUT.get() {
        Some(known) => known.as_ref(),
        None => first_layout(py),
    }
}

#[cold]
fn first_layout(py: Python<'_>) -> Option<&'static Layout> {
    let found = Layout::probe(py).unwrap_or(None);
    // Not what fills itself and detaches meanwhile: see `names.rs`.
    LAYOUT.get_or_init(|| found).as_ref()
}

/// What a handle is to run.
pub(crate) struct Callback<'a, 'py> {
    pub(crate) callback: &'a Bound<'py, PyAny>,
    pub(crate) args: &'a Bound<'py, PyTuple>,
    pub(crate) context: Option<&'a Bound<'py, PyAny>>,
}

impl Callback<'_, '_> {
    fn context(&self) -> PyResult<Py<PyAny>> {
        match self.context {
            Some(context) => Ok(context.clone().unbind()),
            None => crate::python::context::copy_current(self.callback.py()),
        }
    }
}

impl Layout {
    fn probe(py: Python<'_>) -> PyResult<Option<Self>> {
        let events = py.import("asyncio.events")?;
        let handle = events.getattr("Handle")?.cast_into::<PyType>()?;
        let timer = events.getattr("TimerHandle")?.cast_into::<PyType>()?;
        let offset = |class: &Bound<'_, PyType>, name: &str| slot_offset(class, name);
        let (
            Some(callback),
            Some(args),
            Some(cancelled),
            Some(event_loop),
            Some(source_traceback),
            Some(repr),
            Some(context),
            Some(scheduled),
            Some(when),
        ) = (
            offset(&handle, "_callback")?,
            offset(&handle, "_args")?,
            offset(&handle, "_cancelled")?,
            offset(&handle, "_loop")?,
            offset(&handle, "_source_traceback")?,
            offset(&handle, "_repr")?,
            offset(&handle, "_context")?,
            offset(&timer, "_scheduled")?,
            offset(&timer, "_when")?,
        )
        else {
            return Ok(None);
        };
        let offsets =
            Offsets { callback, args, cancelled, event_loop, source_traceback, repr, context };
        let both = vec![callback, args, cancelled, event_loop, source_traceback, repr, context];
        let timers = [&both[..], &[scheduled, when]].concat();
        let locked = match events.getattr_opt("_ThreadSafeHandle")? {
            // It has the slots of its base where that has them.
            Some(class) => Some(class.cast_into::<PyType>()?)
                .filter(|class| class.is_subclass(&handle).unwrap_or(false)),
            None => None,
        };
        let handle = Class::new(&handle, both);
        let plain_timer = timer.unbind();
        let timer = Class::new(&derive(handle.class.bind(py), plain_timer.bind(py))?, timers);
        let locked = locked.map(Bound::unbind);
        let layout = Self { handle, timer, plain_timer, locked, offsets, scheduled, when };
        Ok(layout.agrees_with_the_classes(py)?.then_some(layout))
    }

    /// Whether instances that the classes make have their state where we look for it, and no more.
    fn agrees_with_the_classes(&self, py: Python<'_>) -> PyResult<bool> {
        let simple = py.import("types")?.getattr("SimpleNamespace")?;
        let options = dictionary::empty(py)?;
        options.set_item("get_debug", py.get_type::<pyo3::types::PyBool>())?;
        let stand_in = simple.call((), Some(&options))?;
        let args = PyTuple::new(py, [1])?;
        let context = crate::python::context::copy_current(py)?;
        let made = self.timer.class.bind(py).call1((2.5, &simple, &args, &stand_in, &context))?;
        let fields = [
            (self.offsets.callback, "_callback"),
            (self.offsets.args, "_args"),
            (self.offsets.cancelled, "_cancelled"),
            (self.offsets.event_loop, "_loop"),
            (self.offsets.source_traceback, "_source_traceback"),
            (self.offsets.repr, "_repr"),
            (self.offsets.context, "_context"),
            (self.scheduled, "_scheduled"),
            (self.when, "_when"),
        ];
        for (offset, name) in fields {
            // SAFETY: `made` is an instance of the class whose descriptor gave the offset.
            if unsafe { *slot(made.as_ptr(), offset) } != made.getattr(name)?.as_ptr() {
                return Ok(false);
            }
        }
        let known = fields.len() + 1;
        let slots = |class: &Py<PyType>| class.bind(py).getattr("__slots__")?.len();
        // `__weakref__` is the one we leave alone. A slot more, and a new handle would lack it.
        Ok(slots(&self.handle.class)? + slots(&self.plain_timer)? == known
            && self.timer.sees_weak_references(&made)?)
    }

    /// A new `Handle`.
    pub(crate) fn make<'py>(
        &self,
        event_loop: &Bound<'py, PyAny>,
        what: &Callback<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = what.context()?;
        // SAFETY: the class is `Handle`, whose layout this is.
        unsafe { self.allocate(&self.handle, event_loop, what, context, false) }
    }

    /// A new `TimerHandle`, which counts as scheduled, `hidden` from the collector or not.
    pub(crate) fn make_timer<'py>(
        &self,
        when: Bound<'py, PyAny>,
        event_loop: &Bound<'py, PyAny>,
        what: &Callback<'_, 'py>,
        hidden: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = what.context()?;
        // SAFETY: the class is `TimerHandle`, which has the slots of `Handle` and two more, all null
        // after allocation.
        unsafe {
            let timer = self.allocate(&self.timer, event_loop, what, context, hidden)?;
            *slot(timer.as_ptr(), self.when) = when.into_ptr();
            *slot(timer.as_ptr(), self.scheduled) = ffi::Py_NewRef(ffi::Py_True());
            Ok(timer)
        }
    }

    /// # Safety
    /// `class` is one of the classes of this layout.
    unsafe fn allocate<'py>(
        &self,
        class: &Class,
        event_loop: &Bound<'py, PyAny>,
        what: &Callback<'_, 'py>,
        context: Py<PyAny>,
        hidden: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = event_loop.py();
        let at = &self.offsets;
        // SAFETY:
        // - allocated: with every slot null;
        // - stored: each slot gets a new reference of its own, which the object's dealloc drops;
        // - nobody else sees it: no Python code runs before it is returned.
        unsafe {
            let made = class.allocate(py, hidden)?;
            let object = made.as_ptr();
            *slot(object, at.callback) = what.callback.clone().into_ptr();
            *slot(object, at.args) = what.args.clone().into_ptr();
            *slot(object, at.context) = context.into_ptr();
            *slot(object, at.event_loop) = event_loop.clone().into_ptr();
            *slot(object, at.cancelled) = ffi::Py_NewRef(ffi::Py_False());
            *slot(object, at.source_traceback) = ffi::Py_NewRef(ffi::Py_None());
            *slot(object, at.repr) = ffi::Py_NewRef(ffi::Py_None());
            Ok(made)
        }
    }

    /// Whether this is exactly one of the classes, and not one that somebody has derived from them.
    pub(super) fn fits(&self, handle: &Bound<'_, PyAny>) -> bool {
        self.handle.fits(handle) || self.fits_timer(handle)
    }

    fn fits_timer(&self, handle: &Bound<'_, PyAny>) -> bool {
        self.timer.fits(handle) || handle.get_type().is(&self.plain_timer)
    }

    /// Whether this is exactly one that has a lock.
    fn is_locked(&self, handle: &Bound<'_, PyAny>) -> bool {
        self.locked.as_ref().is_some_and(|class| handle.get_type().is(class))
    }

    /// When a timer is due, in seconds of the loop's clock. None if it is no plain `TimerHandle` with a
    /// float in it.
    pub(crate) fn when(&self, timer: &Bound<'_, PyAny>) -> Option<f64> {
        if !self.fits_timer(timer) {
            return None;
        }
        // SAFETY: a `TimerHandle`; the slot holds a live object or null, and is only read.
        section(timer, || unsafe {
            let when = *slot(timer.as_ptr(), self.when);
            (!when.is_null() && ffi::PyFloat_CheckExact(when) != 0)
                .then(|| ffi::PyFloat_AS_DOUBLE(when))
        })
    }
}

/// Whether a handle was cancelled.
pub(crate) fn is_cancelled(handle: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = handle.py();
    if let Some(layout) = layout(py).filter(|layout| layout.fits(handle)) {
        // SAFETY: the handle has this slot; it is only compared.
        return Ok(unsafe { peek(handle, layout.offsets.cancelled) == ffi::Py_True() });
    }
    handle.getattr(names(py).cancelled_flag.bind(py))?.is_truthy()
}

/// The loop of a handle, which may be any object.
pub(super) fn event_loop<'py>(handle: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let at = &layout(handle.py()).filter(|layout| layout.fits(handle))?.offsets;
    // SAFETY: the handle has this slot.
    section(handle, || unsafe { held(handle, at.event_loop) })
}

/// Cancel a handle, as `asyncio.Handle` does where its loop is not in debug mode.
pub(super) fn cancel(handle: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = handle.py();
    let Some(layout) = layout(py).filter(|layout| layout.fits(handle)) else {
        return handle.call_method0(names(py).cancel.bind(py)).map(drop);
    };
    let at = &layout.offsets;
    // SAFETY: the handle has these slots. Each gets a reference of its own.
    let all = section(handle, || unsafe {
        [
            put(handle, at.cancelled, ffi::Py_NewRef(ffi::Py_True())),
            put(handle, at.callback, ffi::Py_NewRef(ffi::Py_None())),
            put(handle, at.args, ffi::Py_NewRef(ffi::Py_None())),
        ]
    });
    for before in all {
        // SAFETY: attached; the slot's own reference, or null.
        unsafe { ffi::Py_XDECREF(before) };
    }
    Ok(())
}

/// Whether this is what a handle runs.
pub(super) fn runs(handle: &Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(handle.getattr_opt("_callback")?.is_some_and(|held| held.is(callback)))
}

/// Whether a timer counts as scheduled.
pub(super) fn is_scheduled(timer: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = timer.py();
    if let Some(layout) = layout(py).filter(|layout| layout.fits_timer(timer)) {
        // SAFETY: the timer has this slot; it is only compared.
        return Ok(unsafe { peek(timer, layout.scheduled) == ffi::Py_True() });
    }
    timer.getattr(names(py).scheduled.bind(py))?.is_truthy()
}

/// A timer counts as scheduled no more.
pub(super) fn set_unscheduled(timer: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = timer.py();
    if let Some(layout) = layout(py).filter(|layout| layout.fits_timer(timer)) {
        // SAFETY: the timer has this slot. It gets a reference of its own, and what it held is let go after.
        unsafe {
            let no = ffi::Py_NewRef(ffi::Py_False());
            let before = section(timer, || put(timer, layout.scheduled, no));
            ffi::Py_XDECREF(before);
        }
        return Ok(());
    }
    timer.setattr(names(py).scheduled.bind(py), false)
}

/// Let go of a handle that has run or was cancelled.
pub(super) fn let_go(handle: Bound<'_, PyAny>) {
    let Some(layout) = layout(handle.py()) else { return };
    for class in [&layout.handle, &layout.timer] {
        if class.fits(&handle) {
            return class.keep(handle);
        }
    }
}

/// Run what a handle holds, unless it was cancelled.
///
/// # Errors
/// `SystemExit` and `KeyboardInterrupt`, and what a signal handler raises where the caller drives the loop; any
/// other exception goes to the loop's exception handler.
pub(crate) fn run(event_loop: &Bound<'_, PyAny>, handle: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = handle.py();
    if is_cancelled(handle)? {
        return Ok(());
    }
    match layout(py) {
        Some(layout) if layout.fits(handle) => run_slots(layout, event_loop, handle),
        // Its own method leaves what failed in a cycle through the frame of that method.
        Some(layout) if layout.is_locked(handle) => {
            let lock = handle.getattr(names(py).lock.bind(py))?;
            lock.call_method0(names(py).acquire.bind(py))?;
            let ran = match is_cancelled(handle) {
                Ok(false) => run_slots(layout, event_loop, handle),
                Ok(true) => Ok(()),
                Err(error) => Err(error),
            };
            lock.call_method0(names(py).release.bind(py))?;
            ran
        }
        Some(_) | None => handle.call_method0(names(py).run.bind(py)).map(drop),
    }
}

/// Run what lies in the slots of a handle of these classes, or derived from them.
fn run_slots(
    layout: &Layout,
    event_loop: &Bound<'_, PyAny>,
    handle: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = handle.py();
    let at = &layout.offsets;
    // SAFETY: the slots hold live objects or null; each gets a reference of ours, since the callback
    // may cancel the handle, which drops the handle's own.
    let (cancelled, callback, args, context) = section(handle, || unsafe {
        // Another thread may cancel it now, which says so before it lets go of the callback.
        (
            cfg!(Py_GIL_DISABLED) && peek(handle, at.cancelled) == ffi::Py_True(),
            held(handle, at.callback),
            held(handle, at.args),
            held(handle, at.context),
        )
    });
    if cancelled {
        return Ok(());
    }
    let (Some(callback), Some(args), Some(context)) = (callback, args, context) else {
        return handle.call_method0(names(py).run.bind(py)).map(drop);
    };
    let (Ok(args), true) =
        (args.cast_into::<PyTuple>(), crate::python::context::is_context(&context))
    else {
        return handle.call_method0(names(py).run.bind(py)).map(drop);
    };
    let done = crate::python::context::enter(&context, || call(&callback, &args));
    failed::settle(event_loop, done, || Ok(handle.clone()))
}

fn call(callback: &Bound<'_, PyAny>, args: &Bound<'_, PyTuple>) -> PyResult<()> {
    // SAFETY: attached; the items of the tuple are live for the call, since we hold the tuple.
    unsafe {
        let tuple = args.as_ptr().cast::<ffi::PyTupleObject>();
        let items = (&raw const (*tuple).ob_item).cast::<*mut ffi::PyObject>();
        let found =
            ffi::PyObject_Vectorcall(callback.as_ptr(), items, args.len(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(callback.py(), found).map(drop)
    }
}
