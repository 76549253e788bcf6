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

/// What the user's protocol knows: asyncio's `AppProtocolState`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Told {
    #[default]
    Nothing,
    /// That there is a connection.
    Made,
    /// That nothing more will come.
    End,
    /// That it is over.
    Lost,
}

/// asyncio's names for them.
pub(super) const PHASES: [(Phase, &str); 5] = [
    (Phase::Unwrapped, "UNWRAPPED"),
    (Phase::Handshake, "DO_HANDSHAKE"),
    (Phase::Wrapped, "WRAPPED"),
    (Phase::Flushing, "FLUSHING"),
    (Phase::Shutdown, "SHUTDOWN"),
];

/// asyncio's names for them.
pub(super) const TOLD: [(Told, &str); 4] = [
    (Told::Nothing, "STATE_INIT"),
    (Told::Made, "STATE_CON_MADE"),
    (Told::End, "STATE_EOF"),
    (Told::Lost, "STATE_CON_LOST"),
];

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
    pub(super) told: Told,
    pub(super) event_loop: Object,
    /// Who waits for the end of the handshake: a future.
    pub(super) waiter: Object,
    pub(super) transport: Object,
    pub(super) app_transport: Object,
    pub(super) app_transport_created: bool,
    pub(super) server_side: Object,
    pub(super) server_hostname: Object,
    pub(super) context: Object,
    pub(super) extra: Object,
    pub(super) object: Object,
    /// What the object hands its reads and writes on to.
    pub(super) engine: Object,
    pub(super) incoming: Object,
    pub(super) outgoing: Object,
    pub(super) protocol: Object,
    pub(super) takes: Takes,
    pub(super) backlog: Object,
    pub(super) backlog_size: isize,
    pub(super) eof_received: bool,
    pub(super) times_lost: isize,
    /// In seconds.
    pub(super) handshake_timeout: Object,
    pub(super) handshake_timer: Object,
    /// By the loop's clock; in debug mode alone.
    pub(super) handshake_start: Object,
    pub(super) shutdown_timeout: Object,
    pub(super) shutdown_timer: Object,
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

impl State {
    /// All that is held here.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        let waters =
            [&self.incoming_high, &self.incoming_low, &self.outgoing_high, &self.outgoing_low];
        let others = [
            &self.event_loop,
            &self.waiter,
            &self.transport,
            &self.app_transport,
            &self.server_side,
            &self.server_hostname,
            &self.context,
            &self.extra,
            &self.object,
            &self.engine,
            &self.incoming,
            &self.outgoing,
            &self.protocol,
            &self.backlog,
            &self.handshake_timeout,
            &self.handshake_timer,
            &self.handshake_start,
            &self.shutdown_timeout,
            &self.shutdown_timer,
            &self.room,
        ];
        waters.map(|water| &water.given).into_iter().chain(others)
    }
}
