//! The timers: a heap in the genuine `_scheduled` list, ordered by when they are due.
//!
//! Without the interpreter lock an operation is a critical section of the loop, and items are read and exchanged by the
//! list's own functions, whose sections begin and end inside of it.

use std::cmp::Ordering;

#[cfg(not(Py_GIL_DISABLED))]
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::PyList;
use rustc_hash::FxHashSet;

use super::handle::{self, Layout};
use super::spare::show;

/// asyncio cleans the heap when it holds more timers than this, …
const MOST_SCHEDULED: usize = 100;
/// … and more than this share of them is cancelled (`asyncio.base_events`).
const MOST_CANCELLED: f64 = 0.5;

/// The heap, for as long as one operation on it lasts.
pub(crate) struct Timers<'a, 'py> {
    event_loop: &'a Bound<'py, PyAny>,
    list: &'a Bound<'py, PyList>,
    layout: Option<&'static Layout>,
}

impl<'a, 'py> Timers<'a, 'py> {
    pub(crate) fn new(event_loop: &'a Bound<'py, PyAny>, list: &'a Bound<'py, PyList>) -> Self {
        Self { event_loop, list, layout: handle::layout(list.py()) }
    }

    /// Add a timer.
    pub(crate) fn push(&self, timer: &Bound<'py, PyAny>) -> PyResult<()> {
        with_critical_section(self.event_loop, || {
            self.list.append(timer)?;
            if self.sift_towards_root(self.list.len().saturating_sub(1)).is_none() {
                self.heapify()?;
            }
            Ok(())
        })
    }

    /// The timer that is due first.
    pub(crate) fn first(&self) -> Option<Bound<'py, PyAny>> {
        // Asked first: an index that fails makes an exception.
        if self.list.is_empty() { None } else { self.list.get_item(0).ok() }
    }

    /// Take the timer that is due first. The collector knows it from here on.
    pub(crate) fn pop(&self) -> PyResult<Option<Bound<'py, PyAny>>> {
        with_critical_section(self.event_loop, || self.pop_first())
    }

    fn pop_first(&self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(first) = self.first() else { return Ok(None) };
        let last = self.list.len().saturating_sub(1);
        let moved = self.list.get_item(last)?;
        self.list.del_item(last)?;
        if last > 0 {
            self.list.set_item(0, moved)?;
            if self.sift_from_root().is_none() {
                self.heapify()?;
            }
        }
        show(&first);
        handle::set_unscheduled(&first)?;
        Ok(Some(first))
    }

    /// When a timer is due.
    pub(crate) fn when(&self, timer: &Bound<'py, PyAny>) -> PyResult<f64> {
        match self.layout.and_then(|layout| layout.when(timer)) {
            Some(when) => Ok(when),
            None => timer.getattr("_when")?.extract(),
        }
    }

    /// Drop cancelled timers: all of them if they are many, else those that are due first. Returns how
    /// many cancelled ones are left, given how many there were.
    pub(crate) fn prune(&self, cancelled: isize) -> PyResult<isize> {
        with_critical_section(self.event_loop, || self.drop_cancelled(cancelled))
    }

    fn drop_cancelled(&self, cancelled: isize) -> PyResult<isize> {
        let all = self.list.len();
        if all > MOST_SCHEDULED && cancelled as f64 / all as f64 > MOST_CANCELLED {
            if self.layout.is_some_and(|layout| self.list.iter().all(|timer| layout.fits(&timer))) {
                self.drop_those(|timer| handle::is_cancelled(timer).unwrap_or(false))?;
            } else {
                // A copy: asking a timer of somebody else's class is Python code, which may add another.
                let mut cancelled = Vec::new();
                for timer in self.list.to_tuple().iter() {
                    if handle::is_cancelled(&timer)? {
                        cancelled.push(timer);
                    }
                }
                let places: FxHashSet<_> = cancelled.iter().map(|timer| timer.as_ptr()).collect();
                self.drop_those(|timer| places.contains(&timer.as_ptr()))?;
            }
            return Ok(0);
        }
        let mut left = cancelled;
        while let Some(first) = self.first() {
            if !handle::is_cancelled(&first)? {
                break;
            }
            drop(first);
            self.pop()?.into_iter().for_each(handle::let_go);
            left -= 1;
        }
        Ok(left)
    }

    /// Drop some timers, which is told without running Python code.
    fn drop_those(&self, is_dropped: impl Fn(&Bound<'py, PyAny>) -> bool) -> PyResult<()> {
        // In its place: to make another list may run the collector, and that any code.
        let mut kept = 0;
        for index in 0..self.list.len() {
            if !self.list.get_item(index).is_ok_and(|timer| is_dropped(&timer)) {
                self.swap(index, kept);
                kept += 1;
            }
        }
        let dropped: Vec<_> = self.list.iter().skip(kept).collect();
        self.list.del_slice(kept, self.list.len())?;
        self.heapify()?;
        for timer in dropped {
            show(&timer);
            handle::set_unscheduled(&timer)?;
            handle::let_go(timer);
        }
        Ok(())
    }

    /// Put the whole list in order, whatever its items are.
    fn heapify(&self) -> PyResult<()> {
        self.list.py().import("heapq")?.call_method1("heapify", (self.list,)).map(drop)
    }

    /// When the item at `index` is due; None if it is not a plain timer.
    #[cfg(Py_GIL_DISABLED)]
    fn when_at(&self, index: usize) -> Option<f64> {
        if index >= self.list.len() {
            return None;
        }
        self.layout?.when(&self.list.get_item(index).ok()?)
    }

    /// Exchange two items, if both are there.
    #[cfg(Py_GIL_DISABLED)]
    fn swap(&self, a: usize, b: usize) {
        if let (Ok(at_a), Ok(at_b)) = (self.list.get_item(a), self.list.get_item(b)) {
            let _ = self.list.set_item(a, at_b).and(self.list.set_item(b, at_a));
        }
    }

    /// When the item at `index` is due; None if it is not a plain timer.
    #[cfg(not(Py_GIL_DISABLED))]
    fn when_at(&self, index: usize) -> Option<f64> {
        if index >= self.list.len() {
            return None;
        }
        // SAFETY: the index is within the list, which holds the item for as long as we look at it.
        let timer = unsafe {
            let item = ffi::PyList_GET_ITEM(self.list.as_ptr(), index as ffi::Py_ssize_t);
            Borrowed::from_ptr(self.list.py(), item)
        };
        self.layout?.when(&timer)
    }

    /// Exchange two items.
    #[cfg(not(Py_GIL_DISABLED))]
    fn swap(&self, a: usize, b: usize) {
        // SAFETY: both indexes are within the list, which no other code touches meanwhile: attached,
        // and nothing here runs Python code. No reference is made or dropped.
        unsafe {
            let list = self.list.as_ptr();
            let (a, b) = (a as ffi::Py_ssize_t, b as ffi::Py_ssize_t);
            let (at_a, at_b) = (ffi::PyList_GET_ITEM(list, a), ffi::PyList_GET_ITEM(list, b));
            ffi::PyList_SET_ITEM(list, a, at_b);
            ffi::PyList_SET_ITEM(list, b, at_a);
        }
    }

    /// Move the item at `index` up until its parent is due no later. None if an item is no plain timer;
    /// the list then holds the same items, in no order.
    fn sift_towards_root(&self, mut index: usize) -> Option<()> {
        let when = self.when_at(index)?;
        while index > 0 {
            let parent = (index - 1) / 2;
            // As `heapq` asks, which differs for a time that is not a number.
            if when.partial_cmp(&self.when_at(parent)?) != Some(Ordering::Less) {
                break;
            }
            self.swap(index, parent);
            index = parent;
        }
        Some(())
    }

    /// Move the first item down to where its children are due no sooner. None as above.
    ///
    /// Down to a leaf and then up again, as `heapq` does, so that timers due at the same instant run in
    /// the order in which asyncio's own loop runs them.
    fn sift_from_root(&self) -> Option<()> {
        let len = self.list.len();
        let mut index = 0;
        while 2 * index + 1 < len {
            let mut child = 2 * index + 1;
            let right = child + 1;
            if right < len
                && self.when_at(child)?.partial_cmp(&self.when_at(right)?) != Some(Ordering::Less)
            {
                child = right;
            }
            self.swap(index, child);
            index = child;
        }
        self.sift_towards_root(index)
    }
}
