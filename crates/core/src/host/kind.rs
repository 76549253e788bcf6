//! What a step is for.

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The next item, which may have been read ahead.
    Item,
    /// Anything else that others may follow.
    Word,
    /// The only one: a call.
    Only,
    /// The last one, of a context manager: an error that came before is for its caller.
    Exit,
    /// The last one, of an iterator.
    Close,
    /// The same, and nobody waits.
    Collect,
}

impl Kind {
    /// Whether none may follow.
    #[must_use]
    pub fn is_last(self) -> bool {
        match self {
            Self::Only | Self::Exit | Self::Close | Self::Collect => true,
            Self::Item | Self::Word => false,
        }
    }

    /// Whether it cleans up, which has to be done however late it is.
    #[must_use]
    pub fn cleans_up(self) -> bool {
        match self {
            Self::Exit | Self::Close | Self::Collect => true,
            Self::Only | Self::Item | Self::Word => false,
        }
    }

    /// Whether an outcome that is there already is what it wants.
    pub(super) fn takes_what_is_ready(self) -> bool {
        match self {
            Self::Item | Self::Word => true,
            Self::Only | Self::Exit | Self::Close | Self::Collect => false,
        }
    }
}
