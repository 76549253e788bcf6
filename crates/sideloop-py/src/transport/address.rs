//! The addresses of peers, as the kernel has them and as Python does.
//!
//! Python's are tuples: of a host and a port, and for IPv6 of a flow and a scope, too. To make one of an address, or to
//! read one, takes longer than a short datagram's way through the kernel, so that whoever has just been heard is
//! remembered with its tuple: an answer is sent to that very object.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple};

/// The most that a flow may be, in Python's words.
const MOST_FLOW: u32 = 0xf_ffff;

/// Four numbers of three digits, and three dots.
const LONGEST_DOTTED: usize = 15;

/// The kinds of socket that there are.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Family {
    #[default]
    V4,
    V6,
}

/// An address, and the tuple that stands for it. It cannot change: a tuple of texts and numbers alone.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) tuple: Py<PyAny>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, tuple: &Bound<'_, PyTuple>) -> Self {
        Self { address, tuple: tuple.clone().into_any().unbind() }
    }
}

/// The tuple of an address.
///
/// # Errors
/// `MemoryError`.
pub(super) fn tuple_of<'py>(py: Python<'py>, address: SocketAddr) -> PyResult<Bound<'py, PyTuple>> {
    match address {
        SocketAddr::V4(v4) => (dotted(*v4.ip()), v4.port()).into_pyobject(py),
        SocketAddr::V6(v6) => {
            (text_of(v6.ip()), v6.port(), v6.flowinfo(), v6.scope_id()).into_pyobject(py)
        }
    }
}

/// Its numbers with dots between. Rust's own way there takes ten times the instructions (callgrind).
fn dotted(ip: Ipv4Addr) -> String {
    let mut text = String::with_capacity(LONGEST_DOTTED);
    for (place, number) in ip.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(number));
    }
    text
}

/// As C's `inet_ntop` writes it, which differs from Rust's own text where an old kind of address has an IPv4 one in it.
fn text_of(ip: &Ipv6Addr) -> String {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high > 0 => {
            let [.., a, b, c, d] = ip.octets();
            format!("::{}", Ipv4Addr::new(a, b, c, d))
        }
        _ => ip.to_string(),
    }
}

/// The address that a tuple stands for, if it is one of numbers, of the plain types. Of any other thing Python's own
/// `socket` has to be asked: a name is to be resolved, or there is something wrong.
pub(super) fn read_tuple(family: Family, tuple: &Bound<'_, PyTuple>) -> Option<SocketAddr> {
    let host = tuple.get_borrowed_item(0).ok()?;
    let host = host.cast_exact::<PyString>().ok()?;
    let host = host.to_str().ok()?;
    let port = u16::try_from(number(tuple, 1)?).ok()?;
    match (family, tuple.len()) {
        (Family::V4, 2) => {
            let ip: Ipv4Addr = host.parse().ok()?;
            Some(SocketAddrV4::new(ip, port).into())
        }
        (Family::V6, length @ 2..=4) => {
            let ip: Ipv6Addr = host.parse().ok()?;
            let flow = if length > 2 { number(tuple, 2)? } else { 0 };
            let scope = if length > 3 { number(tuple, 3)? } else { 0 };
            (flow <= MOST_FLOW).then(|| SocketAddrV6::new(ip, port, flow, scope).into())
        }
        (Family::V4 | Family::V6, _) => None,
    }
}

fn number(tuple: &Bound<'_, PyTuple>, place: usize) -> Option<u32> {
    tuple.get_borrowed_item(place).ok()?.cast_exact::<PyInt>().ok()?.extract().ok()
}
