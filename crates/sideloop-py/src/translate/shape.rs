//! The shape of a class: how to look into its objects, where they are no plain lists, tuples, dicts or sets.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// How to look into the objects of a class, and make one of translated parts.
///
/// `Shape(read, make, fill)`: `read(value)` gives a list of its parts, and `make(value)` another one, which
/// `fill(made, parts)` fills. Without `fill` it is made at once, by `make(value, parts)`.
#[pyclass(frozen, module = "sideloop._sideloop")]
pub(crate) struct Shape {
    read: Py<PyAny>,
    make: Py<PyAny>,
    fill: Option<Py<PyAny>>,
}

#[pymethods]
impl Shape {
    #[new]
    #[pyo3(signature = (read, make, fill = None))]
    fn new(read: Py<PyAny>, make: Py<PyAny>, fill: Option<Py<PyAny>>) -> Self {
        Self { read, make, fill }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.read)?;
        visit.call(&self.make)?;
        visit.call(&self.fill)
    }
}

type Found<'py> = PyResult<Bound<'py, PyAny>>;

impl Shape {
    pub(super) fn read<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.read.bind(value.py()).call1((value,))?.cast_into()?)
    }

    /// Whether one can be made before its parts are there.
    pub(super) fn is_filled(&self) -> bool {
        self.fill.is_some()
    }

    pub(super) fn make<'py>(
        &self,
        value: &Bound<'py, PyAny>,
        parts: &[Bound<'py, PyAny>],
    ) -> Found<'py> {
        if self.is_filled() {
            let made = self.make_empty(value)?;
            self.fill(&made, parts)?;
            return Ok(made);
        }
        let parts = PyList::new(value.py(), parts)?;
        self.make.bind(value.py()).call1((value, parts))
    }

    pub(super) fn make_empty<'py>(&self, value: &Bound<'py, PyAny>) -> Found<'py> {
        self.make.bind(value.py()).call1((value,))
    }

    pub(super) fn fill<'py>(
        &self,
        made: &Bound<'py, PyAny>,
        parts: &[Bound<'py, PyAny>],
    ) -> PyResult<()> {
        if let Some(fill) = &self.fill {
            fill.bind(made.py()).call1((made, PyList::new(made.py(), parts)?))?;
        }
        Ok(())
    }
}
