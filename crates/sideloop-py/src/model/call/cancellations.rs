//! That a call is to stop: whether its task has heard of it, and through what.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;

use super::Call;

impl Call {
    pub(crate) fn heard_cancel(&self) {
        // ORDERING: Relaxed: a flag on its own, written and read attached.
        self.heard_cancel.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_heard_cancel(&self) -> bool {
        self.heard_cancel.load(Ordering::Relaxed)
    }

    /// A cancellation of whoever awaits it is on its way, with this message.
    pub(crate) fn expect_cancellation(&self, message: Bound<'_, PyAny>) {
        let kept = message.clone().unbind();
        self.inner.with(message.py(), |inner| inner.rarer().cancellations.push_back(kept));
    }

    /// The message of the cancellation that comes to its task now, if that is of whoever awaits it.
    pub(crate) fn take_cancellation(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.inner.with(py, |inner| inner.rarer.as_mut()?.cancellations.pop_front())
    }

    /// Its task has got a cancellation of whoever awaits it: what comes of that decides.
    pub(crate) fn note_cancellation(&self) {
        // ORDERING: Relaxed: written attached, on the loop thread, and read when the call has ended.
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    /// How many of those its task has got.
    pub(crate) fn noted_cancellations(&self) -> usize {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Its task waits for `inner`, which is cancelled with it, and may get its cancellation through that.
    pub(crate) fn cancel_through(&self, inner: &Bound<'_, Self>) {
        // ORDERING: Relaxed: as `heard_cancel`.
        inner.get().for_outer.store(true, Ordering::Relaxed);
        let kept = inner.clone().unbind();
        let before =
            self.inner.with(inner.py(), |inside| inside.rarer().cancelled_inside.replace(kept));
        drop(before);
    }

    /// The caller gets a cancellation: if it is that of the caller's own call, that has it now.
    pub(crate) fn pass_cancellation_on(&self) {
        self.passed_on.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled with the call whose task has made it.
    pub(crate) fn is_cancelled_for_outer(&self) -> bool {
        self.for_outer.load(Ordering::Relaxed)
    }

    /// Whether its task has got its cancellation already, through a call that it has waited for.
    pub(crate) fn has_cancellation(&self, py: Python<'_>) -> bool {
        self.inner.with(py, |inside| {
            let through = inside.rarer.as_ref().and_then(|rarer| rarer.cancelled_inside.as_ref());
            through.is_some_and(|call| call.get().passed_on.load(Ordering::Relaxed))
        })
    }

    /// The call that its task waits for, or has waited for, and that was cancelled with it.
    pub(crate) fn cancelled_inside<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Self>> {
        self.inner.with(py, |inside| {
            inside.rarer.as_ref()?.cancelled_inside.as_ref().map(|it| it.bind(py).clone())
        })
    }

    /// The same, of a call that is stopped once: none of its cancellations is that of whoever awaits it.
    pub(crate) fn stopped_through<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Self>> {
        self.inner.with(py, |inside| {
            let rarer = inside.rarer.as_ref().filter(|rarer| rarer.cancellations.is_empty())?;
            rarer.cancelled_inside.as_ref().map(|it| it.bind(py).clone())
        })
    }

    pub(crate) fn forget_cancelled_inside(&self, py: Python<'_>) {
        let before = self.inner.with(py, |inside| inside.rarer.as_mut()?.cancelled_inside.take());
        drop(before);
    }
}
