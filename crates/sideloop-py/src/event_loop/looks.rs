//! How often one looks for more, without the kernel saying that there is more.
//!
//! To look in vain costs a system call, and not to look costs what a look that finds something saves: for datagrams a
//! turn of the loop each. So each vain look doubles how many times pass until the next, and after a look that finds
//! something the next time has one as well.

/// When a look is due.
#[derive(Clone, Copy, Default)]
pub(crate) struct Looks {
    /// So many times pass without one.
    left: u8,
    /// So many passed before the last one.
    passed: u8,
}

impl Looks {
    /// The most times that pass: a burst is noticed after so many.
    const MOST: u8 = 63;

    /// Whether to look this time.
    pub(crate) fn is_due(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                false
            }
            None => true,
        }
    }

    /// There was nothing.
    pub(crate) fn was_vain(&mut self) {
        self.passed = (2 * self.passed + 1).min(Self::MOST);
        self.left = self.passed;
    }

    /// There was something.
    pub(crate) fn has_found(&mut self) {
        *self = Self::default();
    }
}

/// The same of a loop about to wait, for files that have become ready while its last turn ran: to let go of the
/// interpreter and to take it again costs as much as a short turn does.
#[derive(Clone, Copy, Default)]
pub(super) struct FirstLooks {
    looks: Looks,
    /// So many in a row have found something.
    row: u8,
}

impl FirstLooks {
    /// After so many in a row the loop lets go of the interpreter all the same: other threads may want it.
    const MOST: u8 = 16;

    pub(super) fn is_due(&mut self) -> bool {
        self.row < Self::MOST && self.looks.is_due()
    }

    /// The loop lets go of the interpreter.
    pub(super) fn lets_go(&mut self) {
        self.row = 0;
    }

    pub(super) fn was_vain(&mut self) {
        self.looks.was_vain();
    }

    pub(super) fn has_found(&mut self) {
        self.row += 1;
        self.looks.has_found();
    }
}
