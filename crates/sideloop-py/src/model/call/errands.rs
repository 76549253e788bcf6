//! What a call's code asks its caller to run.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;

use super::{Call, Inner, Rarer};
use crate::model::{Answer, Errand};

/// Whether an errand was taken.
#[must_use]
pub(crate) enum AskedFor {
    /// Whoever waits has heard of it.
    Told,
    /// Whoever waits hears of it by this, which is to be called.
    Tell(Py<PyAny>),
    /// Nobody waits, or no longer.
    Refused,
}

impl Call {
    /// Put an errand in for the thread that waits for it, and have that look.
    pub(crate) fn ask(&self, errand: &Bound<'_, Errand>) -> AskedFor {
        let py = errand.py();
        let kept = errand.clone().unbind();
        // Looked at and put in in one go: whoever serves no more says so first, and then looks what there is.
        let (asked, refused) = self.inner.with(py, |inner| {
            if !self.serves_now(inner) {
                return (AskedFor::Refused, Some(kept));
            }
            self.has_errands.store(true, Ordering::Relaxed);
            inner.rarer().errands.push_back(kept);
            match &inner.answer {
                // Native, also where it rings a hub: no Python code runs in here.
                Some(Answer::HandOff(completer)) => completer.knock(),
                Some(Answer::Driver | Answer::Future(_) | Answer::Nobody) | None => {}
            }
            let hears = inner.rarer().hears.as_ref();
            let tell = |hears: &Py<PyAny>| AskedFor::Tell(hears.clone_ref(py));
            (hears.map_or(AskedFor::Told, tell), None)
        });
        drop(refused);
        asked
    }

    /// Whoever waits for its future runs errands, and hears of them by this.
    pub(crate) fn hear_of_errands_by(&self, hears: Py<PyAny>, py: Python<'_>) {
        let before = self.inner.with(py, |inner| inner.rarer().hears.replace(hears));
        drop(before);
    }

    /// Whether who waits for its future turns its loop, and runs errands in between.
    pub(crate) fn is_heard_of_by_future(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inner| inner.is_heard_of())
    }

    /// Whether the thread that has made it waits for it, and runs errands.
    pub(crate) fn serves(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inner| self.serves_now(inner))
    }

    fn serves_now(&self, inner: &Inner) -> bool {
        let over = self.is_done() || self.is_abandoned();
        !over
            && !self.serves_no_more.load(Ordering::Relaxed)
            && match inner.answer {
                Some(Answer::HandOff(_) | Answer::Driver) => true,
                Some(Answer::Future(_) | Answer::Nobody) | None => inner.is_heard_of(),
            }
    }

    /// Whether there are errands, or were.
    pub(crate) fn has_errands(&self) -> bool {
        self.has_errands.load(Ordering::Relaxed)
    }

    /// The same, of who has said that nobody serves it any more: none comes after that.
    #[inline]
    pub(crate) fn has_had_errands(&self, py: Python<'_>) -> bool {
        if cfg!(Py_GIL_DISABLED) {
            // Whoever asks at this instant has put his in, or finds that nobody serves: see `ask`.
            self.inner.with(py, |_| ());
        }
        self.has_errands()
    }

    pub(crate) fn has_errand(&self, py: Python<'_>) -> bool {
        let has_one = |rarer: &Rarer| !rarer.errands.is_empty();
        self.has_errands()
            && self.inner.with(py, |inner| inner.rarer.as_deref().is_some_and(has_one))
    }

    /// The next errand.
    pub(crate) fn take_errand<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Errand>> {
        let next = self.inner.with(py, |inner| inner.rarer.as_mut()?.errands.pop_front());
        next.map(|errand| errand.into_bound(py))
    }

    /// This one was cut off.
    pub(crate) fn keep_cut_off(&self, errand: &Bound<'_, Errand>) {
        let kept = errand.clone().unbind();
        self.inner.with(errand.py(), |inner| inner.rarer().cut_off.push(kept));
    }

    /// Those that were cut off.
    pub(crate) fn take_cut_off(&self, py: Python<'_>) -> Vec<Py<Errand>> {
        self.inner.with(py, |inner| {
            inner.rarer.as_mut().map(|rarer| std::mem::take(&mut rarer.cut_off)).unwrap_or_default()
        })
    }

    /// The caller runs none any more.
    pub(crate) fn serve_no_more(&self) {
        self.serves_no_more.store(true, Ordering::Relaxed);
    }
}
