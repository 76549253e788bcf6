//! The attribute names that hot paths use, made once at import.
//!
//! Does not work: `pyo3::intern!` and cells that fill themselves at first use. They detach while they do,
//! and a fork in that moment leaves the child waiting for a thread that it does not have.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyString;

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// The names.
        pub(crate) struct Names {
            $(pub(crate) $name: Py<PyString>,)*
        }

        static NAMES: OnceLock<Names> = OnceLock::new();

        impl Names {
            fn new(py: Python<'_>) -> Self {
                Self { $($name: PyString::intern(py, $text).unbind(),)* }
            }
        }
    };
}

names! {
    accept_connection = "_accept_connection",
    acquire = "acquire",
    active = "_active",
    add_done_callback = "add_done_callback",
    add_reader = "_add_reader",
    add_writer = "_add_writer",
    args = "_args",
    asgiref_sync = "asgiref.sync",
    attach = "_attach",
    begin_reading = "_begin_reading",
    buffer_updated = "buffer_updated",
    buffered_protocol = "BufferedProtocol",
    call = "__call__",
    call_at = "call_at",
    call_connection_lost = "_call_connection_lost",
    call_later = "call_later",
    call_soon = "call_soon",
    call_soon_threadsafe = "call_soon_threadsafe",
    callbacks = "_callbacks",
    cancel = "cancel",
    cancelled = "cancelled",
    cancelled_flag = "_cancelled",
    cause = "__cause__",
    close = "close",
    co_flags = "co_flags",
    connect_ex = "connect_ex",
    connection_lost = "connection_lost",
    connection_made = "connection_made",
    context = "__context__",
    context_name = "context",
    core = "core",
    create_future = "create_future",
    create_task = "create_task",
    data = "data",
    data_received = "data_received",
    datagram_received = "datagram_received",
    detach = "_detach",
    done = "done",
    drain = "drain",
    ensure_fd_no_transport = "_ensure_fd_no_transport",
    eof_received = "eof_received",
    error_args = "args",
    error_received = "error_received",
    event_loop = "loop",
    exception = "_exception",
    explain = "explain",
    extra = "_extra",
    fatal_error = "_fatal_error",
    fileno = "fileno",
    func = "func",
    function = "__func__",
    future = "Future",
    get_attribute = "__getattribute__",
    get_buffer = "get_buffer",
    get_exception = "exception",
    get_task_factory = "get_task_factory",
    getpeername = "getpeername",
    getsockname = "getsockname",
    gettimeout = "gettimeout",
    gi_code = "gi_code",
    handle_context = "_context",
    into_call = "into_call",
    is_closed = "is_closed",
    is_twin = "__sideloop_twin__",
    key = "key",
    lock = "_lock",
    make_accepted = "_accept_connection2",
    maybe_pause_protocol = "_maybe_pause_protocol",
    maybe_resume_protocol = "_maybe_resume_protocol",
    module = "__module__",
    monotonic = "monotonic",
    name = "name",
    out = "out",
    peername = "peername",
    pending = "pending",
    pending_removals = "_pending_removals",
    process_events = "_process_events",
    protocol_connected = "_protocol_connected",
    qualname = "__qualname__",
    read = "read",
    read_ready = "_read_ready",
    release = "release",
    remove = "_remove",
    remove_reader = "_remove_reader",
    remove_writer = "_remove_writer",
    report_callback_error = "report_callback_error",
    result = "result",
    router = "router",
    run = "_run",
    scheduled = "_scheduled",
    select = "select",
    selector = "_selector",
    sendto = "sendto",
    server = "_server",
    set_exception = "set_exception",
    set_name = "set_name",
    set_result = "set_result",
    settle_error = "settle_error",
    settle_not_started = "settle_not_started",
    settle_value = "settle_value",
    sniffio = "sniffio",
    socket = "socket",
    socket_transport = "_SelectorSocketTransport",
    sockname = "sockname",
    stream = "_stream",
    submitted_call = "call",
    suppress_context = "__suppress_context__",
    task = "Task",
    throw = "throw",
    time = "time",
    transport_socket = "TransportSocket",
    transports = "_transports",
    uncancel = "uncancel",
    value = "value",
    wake_waiter = "_set_result_unless_cancelled",
    write = "write",
    write_ready = "_write_ready",
    write_to_self = "_write_to_self",
}

/// The names. Made by the first caller, which is the import.
pub(crate) fn names(py: Python<'_>) -> &'static Names {
    NAMES.get().unwrap_or_else(|| NAMES.get_or_init(|| Names::new(py)))
}
