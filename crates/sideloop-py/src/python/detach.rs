//! Letting go of the interpreter, in one place.

use pyo3::prelude::*;

/// Run `inside` without the interpreter, and come back. `inside` runs no Python code.
///
/// Never inlined. CPython ends a daemon thread at exit by unwinding its stack (up to 3.13), also while it runs
/// Python code that we have called. A function that detaches has a table of landing pads, since PyO3 guards the
/// attaching in it; a frame of it under Python code would find its call missing in that table, and abort the
/// process. So each use gets a frame of its own here, under which there is none.
#[inline(never)]
#[expect(clippy::disallowed_methods, reason = "all detaching goes through here")]
pub(crate) fn detached<T: Send>(py: Python<'_>, inside: impl FnOnce() -> T + Send) -> T {
    py.detach(inside)
}
