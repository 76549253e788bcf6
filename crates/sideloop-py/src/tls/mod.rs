//! TLS over a native transport: asyncio's `SSLProtocol`, with what every record meets in Rust.
//!
//! `class TlsProtocol(TlsCore, SSLProtocol)`: what is here comes first in the method resolution order. Handshakes, the end
//! of a connection, timeouts, errors and what the protocol is told of them stay asyncio's methods, in each version's own
//! words; the state that both look at is kept here, and stands in front of the attributes that those write and read.
//!
//! `class SSLTransport(TlsTransportCore, _SSLProtocolTransport)` is what the user's protocol writes to.
//!
//! The records are made and read by the user's own `ssl.SSLContext`: nothing here knows of cryptography.

mod state;

mod standard;

mod engine;

mod core;

mod fields;

mod outgoing;

mod phase;

mod ending;

mod into_buffer;

mod incoming;

mod transport;

mod handshake;

mod shutdown;

mod making;

mod methods;

pub(crate) use self::core::TlsCore;
pub(crate) use self::making::make_tls;
pub(crate) use self::standard::versions_of;
pub(crate) use self::transport::{TlsTransportCore, know_tls_transports};

/// Look up what asyncio's own is made of, before anybody has changed it. At import.
///
/// # Errors
/// What importing it raises.
pub(crate) fn prepare(py: pyo3::Python<'_>) -> pyo3::PyResult<()> {
    standard::prepare(py)
}
