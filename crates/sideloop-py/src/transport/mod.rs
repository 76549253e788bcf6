//! Transports of sockets and pipes: asyncio's own, with the moving of bytes in Rust.
//!
//! `class StreamTransport(TransportCore, _SelectorSocketTransport)`: what is here comes first in the method resolution
//! order and overrides what every byte meets: reading, writing, the buffer between; and how it begins and ends. What happens
//! rarely stays asyncio's methods: errors, `sendfile`, TLS on top.
//!
//! asyncio's class has slots, so that `TransportCore` can have no fields: its instances would be laid out in two ways.
//! They are in a `Stream`, in a slot of the Python class, and stand in front of the attributes that asyncio's methods
//! write and read.
//!
//! Nothing of a stream holds its transport, as nothing of asyncio's does: one that is closed is dropped at once.
//!
//! `class DatagramTransport(DatagramCore, _SelectorDatagramTransport)` is the same for datagrams, whose state is in
//! `Datagrams`, and for the ends of pipes (`ReadPipeCore`, `WritePipeCore`), whose state is in `PipeEnd`.

mod pieces;

mod descriptor;

mod wire;

mod stream;

mod standard;

mod sockets;

mod view;

mod known;

mod keeps;

mod fields;

mod protocol;

mod door;

mod backlog;

mod write;

mod read;

mod methods;

mod register;

mod fit;

mod begin;

mod end;

mod accept;

mod connect;

mod receiving;

mod fork;

mod address;

mod datagrams;

mod datagram;

mod datagram_fields;

mod receive;

mod send;

mod datagram_methods;

mod pipe_ends;

mod pipe;

mod pipe_fields;

mod pipes;

pub(crate) use self::accept::accept_ready;
pub(crate) use self::begin::{Parts, begin_transport, make};
pub(crate) use self::connect::start_connecting;
pub(crate) use self::datagram::{DatagramCore, know_datagrams};
pub(crate) use self::datagrams::Datagrams;
pub(crate) use self::fit::fits;
pub(crate) use self::fork::send_before_fork;
pub(crate) use self::known::{TransportCore, know_transports};
pub(crate) use self::pipe::{PipeCore, ReadPipeCore, WritePipeCore, know_pipes};
pub(crate) use self::pipe_ends::PipeEnd;
pub(crate) use self::receiving::start_receiving;
pub(crate) use self::stream::Stream;

/// Look up what connections are made of, before anybody has changed it. At import.
///
/// # Errors
/// What importing it raises.
pub(crate) fn prepare(py: pyo3::Python<'_>) -> pyo3::PyResult<()> {
    standard::standard(py)?;
    descriptor::prepare(py)?;
    sockets::prepare(py)?;
    register::prepare(py)?;
    view::prepare(py)?;
    accept::prepare(py)?;
    crate::event_loop::know_brief(py, vec![connect::prepare(py)?, receiving::prepare(py)?])
}
