//! Which classes have transports of pipes, and where each has its state.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::known::{Known, never_made};
use super::pipe_ends::PipeEnd;

/// What the moving halves of both ends have in common.
///
/// All of their methods belong to the thread that runs the loop.
#[pyclass(frozen, subclass, module = "sideloop._sideloop")]
pub(crate) struct PipeCore;

/// The moving half of the end of a pipe that is read from: a mixin to stand before asyncio's own class.
#[pyclass(frozen, subclass, extends = PipeCore, module = "sideloop._sideloop")]
pub(crate) struct ReadPipeCore;

/// The same of the end that is written to.
#[pyclass(frozen, subclass, extends = PipeCore, module = "sideloop._sideloop")]
pub(crate) struct WritePipeCore;

/// The classes of both ends.
struct Classes {
    read: Known,
    write: Known,
}

static CLASSES: OnceLock<Classes> = OnceLock::new();

/// Have instances of these classes be ends of pipes: each has its state in its slot `_pipe_end`. Once.
#[pyfunction]
#[pyo3(signature = (read_class, write_class, /))]
pub(crate) fn know_pipes(
    read_class: &Bound<'_, PyType>,
    write_class: &Bound<'_, PyType>,
) -> PyResult<()> {
    let known = |class| Known::new(class, "_pipe_end");
    let _ = CLASSES.set(Classes { read: known(read_class)?, write: known(write_class)? });
    Ok(())
}

#[pymethods]
impl PipeCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }
}

#[pymethods]
impl ReadPipeCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        PyClassInitializer::from(PipeCore).add_subclass(Self)
    }
}

#[pymethods]
impl WritePipeCore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        PyClassInitializer::from(PipeCore).add_subclass(Self)
    }
}

/// The state of the end of a pipe.
///
/// # Errors
/// `AttributeError`, as of a transport that was never made.
pub(super) fn end_of<'py>(transport: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PipeEnd>> {
    let found = CLASSES
        .get()
        .and_then(|classes| classes.read.find(transport).or_else(|| classes.write.find(transport)));
    found.ok_or_else(never_made)
}

/// The same, of one that is read from.
pub(super) fn read_end_of<'py>(
    transport: &Bound<'py, ReadPipeCore>,
) -> PyResult<Bound<'py, PipeEnd>> {
    let found = CLASSES.get().and_then(|classes| classes.read.find(transport.as_any()));
    found.ok_or_else(never_made)
}

/// The same, of one that is written to.
pub(super) fn write_end_of<'py>(
    transport: &Bound<'py, WritePipeCore>,
) -> PyResult<Bound<'py, PipeEnd>> {
    let found = CLASSES.get().and_then(|classes| classes.write.find(transport.as_any()));
    found.ok_or_else(never_made)
}
