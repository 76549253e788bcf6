//! What a walk knows of the objects that it has met.

use std::ops::Range;

use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use super::container::Container;

/// A container that was entered.
pub(super) struct Open<'py> {
    pub(super) value: Bound<'py, PyAny>,
    pub(super) container: Container<'py>,
    /// What it holds, in `parts`; the translated ones are put there in place of the others.
    pub(super) parts: Range<usize>,
    /// How many containers were left before it.
    pub(super) left: usize,
    /// Where it was found, in `parts`.
    pub(super) slot: usize,
    /// The next of its parts to be visited.
    pub(super) next: usize,
    /// The first one, as a place in `open`, that it is known to be in a circle with.
    pub(super) low: usize,
    pub(super) is_in_circle: bool,
    pub(super) has_changed: bool,
}

/// By address, what is known of an object. It is held, and so keeps the address.
pub(super) type Seen<'py> = FxHashMap<usize, (Bound<'py, PyAny>, Met<'py>)>;

/// What is known of an object that was met before.
pub(super) enum Met<'py> {
    /// It is not decided: its place in `open`.
    Open(usize),
    /// It is passed on as it is.
    Same,
    /// This is passed on in its place.
    Translated(Bound<'py, PyAny>),
}

pub(super) fn address(value: &Bound<'_, PyAny>) -> usize {
    value.as_ptr().addr()
}
