//! What asyncio's `SSLProtocol` keeps, and every record meets.

use pyo3::prelude::*;

/// What most fields hold.
pub(super) type Object = Option<Py<PyAny>>;

/// Where a connection is in its life: asyncio's `SSLProtocolState`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    Handshake,
    Wrapped,
    /// Half closed; what is to be read is still read.
    Flushing,
    Shutdown,
    /// Not begun, or over.
    #[default]
    Unwrapped,
}

impl Phase {
    /// Which one a member of asyncio's enumeration is.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn of(member: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = member.getattr("_name_")?;
        Ok(match name.extract::<&str>()? {
            "DO_HANDSHAKE" => Self::Handshake,
            "WRAPPED" => Self::Wrapped,
            "FLUSHING" => Self::Flushing,
            "SHUTDOWN" => Self::Shutdown,
            _ => Self::Unwrapped,
        })
    }
}

/// How the user's protocol takes what was read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Takes {
    #[default]
    Bytes,
    /// In a buffer of its own.
    Buffer,
}

/// A limit of a buffer, as it was set, and as a number.
#[derive(Default)]
pub(super) struct Water {
    pub(super) given: Object,
    pub(super) bytes: f64,
}

/// The state, in asyncio's words but for `engine`, `room` and `is_in_record`.
#[derive(Default)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) phase_member: Object,
    pub(super) transport: Object,
    pub(super) object: Object,
    /// What the object hands its reads and writes on to.
    pub(super) engine: Object,
    pub(super) incoming: Object,
    pub(super) outgoing: Object,
    pub(super) protocol: Object,
    pub(super) takes: Takes,
    pub(super) backlog: Object,
    pub(super) backlog_size: isize,
    pub(super) writing_stopped: bool,
    pub(super) reading_stopped: bool,
    pub(super) app_reading_paused: bool,
    pub(super) app_writing_paused: bool,
    pub(super) incoming_high: Water,
    pub(super) incoming_low: Water,
    pub(super) outgoing_high: Water,
    pub(super) outgoing_low: Water,
    /// A view of room of the loop's, that what comes is read into.
    pub(super) room: Object,
    /// Whether the engine holds a part of a record.
    pub(super) is_in_record: bool,
}
