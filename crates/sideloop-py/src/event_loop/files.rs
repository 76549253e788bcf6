//! Readers and writers: callbacks for files, kept in the standard selector's own map and epoll object.
//!
//! A key of the map is `SelectorKey(fileobj, fd, events, data)`, its data `(reader, writer)`: two handles or
//! None. What is done here for a plain descriptor on a plain `EpollSelector` is what `selectors` and
//! asyncio's `_add_reader` and its kind do, in their order, also where they fail; anything else is theirs.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PySuper, PyTuple, PyType};

use super::brief::Briefs;
use super::core::LoopCore;
use super::handle::{self, Callback};
use crate::policy::errors::os_error;
use crate::python::making::named_tuple;
use crate::python::names::names;
use crate::system::poller::Poller;
use crate::system::{EVENT_READ, EVENT_WRITE, Watch};

/// The two kinds of callback of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Reader,
    Writer,
}

impl Side {
    /// Its bit in the masks of `selectors`.
    pub(super) fn bit(self) -> u32 {
        match self {
            Self::Reader => EVENT_READ,
            Self::Writer => EVENT_WRITE,
        }
    }

    /// Its place in a key's data.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Reader => 0,
            Self::Writer => 1,
        }
    }

    /// The pair of callbacks with this one in its place.
    fn put<'py>(
        self,
        callback: Bound<'py, PyAny>,
        other: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = callback.py();
        match self {
            Self::Reader => PyTuple::new(py, [callback, other]),
            Self::Writer => PyTuple::new(py, [other, callback]),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Reader => Self::Writer,
            Self::Writer => Self::Reader,
        }
    }
}

/// What a key of the selector's map holds.
pub(super) struct Key<'py> {
    pub(super) file: Bound<'py, PyAny>,
    pub(super) events: u32,
    data: Bound<'py, PyTuple>,
}

impl<'py> Key<'py> {
    pub(super) fn read(key: &Bound<'py, PyAny>) -> PyResult<Self> {
        let key = key.cast::<PyTuple>()?;
        Ok(Self {
            file: key.get_item(0)?,
            events: key.get_borrowed_item(2)?.extract()?,
            data: key.get_item(3)?.cast_into::<PyTuple>()?,
        })
    }

    /// One of its two callbacks, or None.
    pub(super) fn callback(&self, side: Side) -> PyResult<Bound<'py, PyAny>> {
        self.data.get_item(side.place())
    }
}

/// The selector of a loop, if it is one whose map and epoll object may be changed from here.
struct Files<'py> {
    core: Bound<'py, LoopCore>,
    keys: Bound<'py, PyDict>,
    key_class: Bound<'py, PyType>,
    poller: Poller,
}

impl<'py> Files<'py> {
    fn of(event_loop: &Bound<'py, LoopCore>) -> Option<Self> {
        let (py, core) = (event_loop.py(), event_loop.get());
        // In a fork's child the kernel's object is the parent's: see `sideloop._loops.selector`.
        let poller = core.poller().filter(|_| !core.is_debug() && !core.orphaned())?;
        let keys = core.keys(py)?;
        let key_class = core.key_class.bind(py).clone();
        Some(Self { core: event_loop.clone(), keys, key_class, poller })
    }

    fn store(
        &self,
        fd: &Bound<'py, PyInt>,
        file: &Bound<'py, PyAny>,
        events: u32,
        data: Bound<'py, PyTuple>,
    ) -> PyResult<()> {
        let items = (file, fd, events, data).into_pyobject(fd.py())?;
        self.keys.set_item(fd, named_tuple(&self.key_class, items)?)
    }

    /// Add a callback; returns the one that was there.
    fn add(
        &self,
        fd: &Bound<'py, PyInt>,
        raw: i32,
        side: Side,
        callback: Bound<'py, PyAny>,
        watch: Watch,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let none = || callback.py().None().into_bound(callback.py());
        let Some(key) = self.keys.get_item(fd)? else {
            match self.briefs(|briefs| briefs.find(raw)).flatten() {
                None => self.poller.watch(raw, side.bit(), watch),
                Some(_) => self.poller.change_or_watch(raw, side.bit(), watch),
            }
            .map_err(|error| os_error(&error))?;
            self.briefs(|briefs| briefs.set_watched(raw, watch));
            self.store(fd, fd.as_any(), side.bit(), side.put(callback.clone(), none())?)?;
            return Ok(None);
        };
        let key = Key::read(&key)?;
        if self.briefs(|briefs| briefs.find(raw)).flatten().is_some() {
            // The only one of its file, in the place of one that was.
            let watch = if key.events == side.bit() { watch } else { Watch::Always };
            self.change(fd, raw, key.events | side.bit(), watch)?;
            self.briefs(|briefs| briefs.set_watched(raw, watch));
        } else if key.events & side.bit() == 0 {
            self.change(fd, raw, key.events | side.bit(), Watch::Always)?;
        }
        let data = side.put(callback, key.callback(side.other())?)?;
        self.store(fd, &key.file, key.events | side.bit(), data)?;
        Ok(Some(key.callback(side)?).filter(|before| !before.is_none()))
    }

    /// Remove a callback; returns the one that was there.
    fn remove(
        &self,
        fd: &Bound<'py, PyInt>,
        raw: i32,
        side: Side,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(key) = self.keys.get_item(fd)? else { return Ok(None) };
        let key = Key::read(&key)?;
        let events = key.events & !side.bit();
        if events == 0 {
            self.keys.del_item(fd)?;
            if !self.briefs(|briefs| briefs.rests_when_removed(raw)).unwrap_or(false) {
                // It may be closed already, and is out of the kernel's list then.
                let _ = self.poller.forget(raw);
            }
        } else {
            if events != key.events {
                self.change(fd, raw, events, Watch::Always)?;
            }
            let none = fd.py().None().into_bound(fd.py());
            self.store(fd, &key.file, events, side.put(none, key.callback(side.other())?)?)?;
        }
        Ok(Some(key.callback(side)?).filter(|before| !before.is_none()))
    }

    /// Have the kernel watch for other events. A file that it cannot watch is out of the map.
    fn change(&self, fd: &Bound<'py, PyInt>, raw: i32, events: u32, watch: Watch) -> PyResult<()> {
        self.poller.change(raw, events, watch).or_else(|error| {
            self.keys.del_item(fd)?;
            self.briefs(|briefs| briefs.set_watched(raw, Watch::Always));
            Err(os_error(&error))
        })
    }

    /// Look at the brief registrations, or change them; None where there are none.
    fn briefs<R>(&self, inside: impl FnOnce(&mut Briefs) -> R) -> Option<R> {
        let core = self.core.get();
        core.has_briefs().then(|| core.briefs.with(self.core.py(), inside))
    }
}

impl LoopCore {
    fn add<'py>(
        slf: &Bound<'py, Self>,
        file: &Bound<'py, PyAny>,
        what: &Callback<'_, 'py>,
        side: Side,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().check_open()?;
        let plain = plain_descriptor(file).zip(Files::of(slf)).zip(handle::layout(slf.py()));
        let Some((((fd, raw), files), layout)) = plain else {
            let name = match side {
                Side::Reader => "_add_reader",
                Side::Writer => "_add_writer",
            };
            slf.get().end_briefs(slf.py());
            let all = super::schedule::before(&[file, what.callback], what.args)?;
            let next = PySuper::new(&slf.py().get_type::<Self>(), slf)?;
            let made = next.call_method1(name, all)?;
            // Only since CPython 3.15 does that method take a context, and it makes the same of it.
            if let Some(context) = what.context {
                made.setattr(names(slf.py()).handle_context.bind(slf.py()), context)?;
            }
            return Ok(made);
        };
        let made = layout.make(slf.as_any(), what)?;
        let watch = Self::watch_for(slf, what.callback);
        if let Some(before) = files.add(&fd, raw, side, made.clone(), watch)? {
            handle::cancel(&before)?;
        }
        Ok(made)
    }

    fn remove<'py>(slf: &Bound<'py, Self>, file: &Bound<'py, PyAny>, side: Side) -> PyResult<bool> {
        if slf.get().is_closed() {
            return Ok(false);
        }
        let Some(((fd, raw), files)) = plain_descriptor(file).zip(Files::of(slf)) else {
            let name = match side {
                Side::Reader => "_remove_reader",
                Side::Writer => "_remove_writer",
            };
            slf.get().end_briefs(slf.py());
            let next = PySuper::new(&slf.py().get_type::<Self>(), slf)?;
            return next.call_method1(name, (file,))?.is_truthy();
        };
        match files.remove(&fd, raw, side)? {
            Some(before) => handle::cancel(&before).map(|()| true),
            None => Ok(false),
        }
    }
}

#[pymethods]
impl LoopCore {
    /// Have `callback(*args)` called whenever the file can be read. Returns its handle.
    ///
    /// asyncio's transports give a context since CPython 3.15.
    #[pyo3(signature = (fd, callback, *args, context = None))]
    fn _add_reader<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::add(slf, fd, &Callback { callback, args, context }, Side::Reader)
    }

    /// The same, whenever it can be written.
    #[pyo3(signature = (fd, callback, *args, context = None))]
    fn _add_writer<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::add(slf, fd, &Callback { callback, args, context }, Side::Writer)
    }

    /// Take the reader of a file away. Whether there was one.
    pub(super) fn _remove_reader<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
    ) -> PyResult<bool> {
        Self::remove(slf, fd, Side::Reader)
    }

    /// Take the writer of a file away. Whether there was one.
    pub(super) fn _remove_writer<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
    ) -> PyResult<bool> {
        Self::remove(slf, fd, Side::Writer)
    }
}

/// A file that is given by its number.
fn plain_descriptor<'py>(file: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyInt>, i32)> {
    let fd = file.cast_exact::<PyInt>().ok()?;
    let raw = fd.extract::<i32>().ok().filter(|raw| *raw >= 0)?;
    Some((fd.clone(), raw))
}
