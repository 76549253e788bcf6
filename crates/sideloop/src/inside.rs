//! A value that is dropped inside of a runtime, wherever that happens.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::access::Access;

/// A value that is dropped with its runner's runtime entered; made by [`inside`](crate::inside) and
/// [`Runner::inside`](crate::Runner::inside).
///
/// For what a call has returned and what needs a runtime in its `Drop`, as a pooled connection does: it may be
/// kept and dropped anywhere. In a fork's child it is forgotten instead, since what it leads to is the parent's.
pub struct Inside<T> {
    // None once it has been taken out.
    value: Option<T>,
    access: Access,
}

impl<T> Inside<T> {
    pub(crate) fn new(value: T, access: Access) -> Self {
        Self { value: Some(value), access }
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The value itself. From here on it is dropped where you drop it.
    ///
    /// # Panics
    /// Never: the value is there until this takes it.
    #[must_use]
    pub fn into_inner(mut self) -> T {
        self.value.take().expect("taken only with self")
    }
}

impl<T> Deref for Inside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken only with self")
    }
}

impl<T> DerefMut for Inside<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("taken only with self")
    }
}

impl<T> Drop for Inside<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.access.drop_inside(value);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Inside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
