//! What is rung without the interpreter: nothing.

use std::io;

/// All do.
pub(crate) fn do_without() {}

/// There is none.
pub(crate) enum Bell {}

impl Bell {
    /// A new one, if this system has any.
    ///
    /// # Errors
    /// Never.
    #[expect(clippy::unnecessary_wraps, reason = "it may fail where there is one")]
    pub(crate) fn new() -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn ring(&self) {
        match *self {}
    }

    pub(crate) fn hush(&self) {
        match *self {}
    }

    pub(crate) fn fd(&self) -> i32 {
        match *self {}
    }
}
