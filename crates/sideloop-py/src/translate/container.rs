//! A container: what it holds, and another one of the same kind with other things in it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use super::shape::Shape;
use crate::python::dictionary;

/// How a container is read and made.
///
/// Those that can be changed are made empty and filled later, so that one may hold itself.
#[derive(Clone)]
pub(super) enum Container<'py> {
    List,
    Tuple,
    /// Its parts are keys and values in turn.
    Dict,
    Set,
    FrozenSet,
    /// Another class's.
    Shaped(Bound<'py, Shape>),
}

type Part<'py> = Bound<'py, PyAny>;

impl<'py> Container<'py> {
    /// Put what it holds behind the parts that are there already.
    ///
    /// All at once: no Python code runs while a list, tuple, dict or set is read, so that nobody changes it.
    ///
    /// # Errors
    /// What another class's shape raises.
    pub(super) fn read(&self, value: &Part<'py>, parts: &mut Vec<Part<'py>>) -> PyResult<()> {
        match self {
            // A copy each, which CPython makes in one step where there is no interpreter lock.
            Self::List if cfg!(Py_GIL_DISABLED) => {
                parts.extend(value.cast::<PyList>()?.to_tuple());
            }
            Self::Dict if cfg!(Py_GIL_DISABLED) => {
                let copy = value.cast::<PyDict>()?.copy()?;
                parts.extend(copy.iter().flat_map(<[_; 2]>::from));
            }
            Self::Set if cfg!(Py_GIL_DISABLED) => {
                let copy = value.py().get_type::<PyList>().call1((value,))?;
                parts.extend(copy.cast::<PyList>()?);
            }
            Self::List => parts.extend(value.cast::<PyList>()?),
            Self::Tuple => parts.extend(value.cast::<PyTuple>()?),
            Self::Dict => parts.extend(value.cast::<PyDict>()?.iter().flat_map(<[_; 2]>::from)),
            Self::Set => parts.extend(value.cast::<PySet>()?),
            Self::FrozenSet => parts.extend(value.cast::<PyFrozenSet>()?),
            Self::Shaped(shape) => parts.extend(shape.get().read(value)?),
        }
        Ok(())
    }

    /// Whether it is filled after it was made.
    pub(super) fn is_filled(&self) -> bool {
        match self {
            Self::List | Self::Dict | Self::Set => true,
            Self::Tuple | Self::FrozenSet => false,
            Self::Shaped(shape) => shape.get().is_filled(),
        }
    }

    /// One with these parts, of the kind that `value` is.
    ///
    /// # Errors
    /// What hashing a part raises, or another class's shape.
    pub(super) fn make(&self, value: &Part<'py>, parts: &[Part<'py>]) -> PyResult<Part<'py>> {
        let py = value.py();
        Ok(match self {
            Self::List => PyList::new(py, parts)?.into_any(),
            Self::Tuple => PyTuple::new(py, parts)?.into_any(),
            Self::FrozenSet => {
                let made = PyFrozenSet::new(py, parts)?;
                check_number(made.len(), parts.len())?;
                made.into_any()
            }
            Self::Dict | Self::Set => {
                let made = self.make_empty(value)?;
                self.fill(&made, parts)?;
                made
            }
            Self::Shaped(shape) => shape.get().make(value, parts)?,
        })
    }

    /// An empty one, of the kind that `value` is. Only of one that is filled.
    ///
    /// # Errors
    /// What another class's shape raises.
    pub(super) fn make_empty(&self, value: &Part<'py>) -> PyResult<Part<'py>> {
        let py = value.py();
        Ok(match self {
            Self::List => PyList::new(py, [(); 0])?.into_any(),
            Self::Dict => dictionary::empty(py)?.into_any(),
            Self::Set => PySet::empty(py)?.into_any(),
            Self::Tuple | Self::FrozenSet => self.make(value, &[])?,
            Self::Shaped(shape) => shape.get().make_empty(value)?,
        })
    }

    /// Fill one that was made empty.
    ///
    /// # Errors
    /// What hashing a part raises, or another class's shape.
    pub(super) fn fill(&self, made: &Part<'py>, parts: &[Part<'py>]) -> PyResult<()> {
        match self {
            Self::List => {
                let made = made.cast::<PyList>()?;
                parts.iter().try_for_each(|part| made.append(part))
            }
            Self::Dict => {
                let made = made.cast::<PyDict>()?;
                parts.chunks_exact(2).try_for_each(|pair| made.set_item(&pair[0], &pair[1]))?;
                check_number(made.len(), parts.len() / 2)
            }
            Self::Set => {
                let made = made.cast::<PySet>()?;
                parts.iter().try_for_each(|part| made.add(part))?;
                check_number(made.len(), parts.len())
            }
            Self::Tuple | Self::FrozenSet => Ok(()),
            Self::Shaped(shape) => shape.get().fill(made, parts),
        }
    }

    /// Whether to fill one asks its parts for their hashes, so that they should be complete.
    pub(super) fn hashes(&self, value: &Part<'py>) -> bool {
        value.is_instance_of::<PyDict>() || value.is_instance_of::<PySet>()
    }
}

/// Refuse a dict or set that has lost something: what differs may be equal when it is translated.
///
/// # Errors
/// `ValueError`.
#[pyfunction]
#[pyo3(signature = (number, before, /))]
pub(crate) fn check_number(number: usize, before: usize) -> PyResult<()> {
    if number == before {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{before} things that differ are only {number} when they are translated, since some are equal then"
    )))
}
