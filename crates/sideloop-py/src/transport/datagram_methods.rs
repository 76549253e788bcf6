//! The methods of a transport of datagrams that are ours.

use pyo3::prelude::*;
use pyo3::types::PySuper;

use super::datagram::{DatagramCore, datagrams_of};
use super::receive;
use super::send::{self, Sent};
use crate::python::names::names;

#[pymethods]
impl DatagramCore {
    /// Send a datagram: to the address, or to the one that the transport was made for.
    #[pyo3(signature = (data, addr = None))]
    fn sendto<'py>(
        slf: &Bound<'py, Self>,
        data: &Bound<'py, PyAny>,
        addr: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        match send::send(slf, data, addr)? {
            Sent::Done => Ok(()),
            Sent::AskAsyncio => {
                let next = PySuper::new(&slf.py().get_type::<Self>(), slf)?;
                next.call_method1(names(slf.py()).sendto.bind(slf.py()), (data, addr)).map(drop)
            }
        }
    }

    /// Whether it is closed, or about to be.
    fn is_closing(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(datagrams_of(slf)?.get().with(slf.py(), |state| state.closing))
    }

    /// The protocol.
    fn get_protocol(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(datagrams_of(slf)?.get().protocol(slf.py()).unbind())
    }

    /// What the loop calls when the socket has something.
    fn _read_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        receive::read_ready(slf)
    }
}
