//! The kind of a value: what the walk does with the objects of its class.

use pyo3::PyTypeInfo;
use pyo3::ffi::PyTypeObject;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyNone,
    PySet, PyString, PyTuple, PyType,
};
use rustc_hash::FxHashMap;

use super::container::Container;
use super::shape::Shape;

/// What the walk does with the objects of a class.
#[derive(Clone)]
pub(super) enum Kind<'py> {
    /// Nothing: in none of them is anything to translate.
    Plain,
    /// Looks into them.
    Container(Container<'py>),
    /// Has this translate them, each as a whole.
    Whole(Bound<'py, PyAny>),
}

/// The classes of plain values. Strings first, which are most of what is passed on.
#[derive(Clone, Copy)]
pub(crate) struct PlainClasses([*mut PyTypeObject; 8]);

impl PlainClasses {
    pub(crate) fn new(py: Python<'_>) -> Self {
        Self([
            PyString::type_object_raw(py),
            PyInt::type_object_raw(py),
            PyNone::type_object_raw(py),
            PyFloat::type_object_raw(py),
            PyBool::type_object_raw(py),
            PyBytes::type_object_raw(py),
            PyByteArray::type_object_raw(py),
            PyComplex::type_object_raw(py),
        ])
    }

    /// Whether a value is plain.
    pub(crate) fn has(self, value: &Bound<'_, PyAny>) -> bool {
        self.0.contains(&value.get_type_ptr())
    }

    /// Whether all arguments of a call are.
    pub(crate) fn have_all(self, args: &Bound<'_, PyTuple>, kwargs: &Bound<'_, PyDict>) -> bool {
        args.iter_borrowed().all(|arg| self.has(&arg))
            && kwargs.iter().all(|(_, arg)| self.has(&arg))
    }
}

/// The kinds of the classes that one walk has met.
pub(super) struct Kinds<'a, 'py> {
    plain: PlainClasses,
    list: *mut PyTypeObject,
    tuple: *mut PyTypeObject,
    dict: *mut PyTypeObject,
    set: *mut PyTypeObject,
    frozen_set: *mut PyTypeObject,
    /// Tells what kind the objects of a class are: None, a `Shape`, or what translates each of them.
    sort: &'a Bound<'py, PyAny>,
    /// By address: the class is held, and so keeps it.
    sorted: FxHashMap<usize, (Bound<'py, PyType>, Kind<'py>)>,
}

impl<'a, 'py> Kinds<'a, 'py> {
    pub(super) fn new(sort: &'a Bound<'py, PyAny>) -> Self {
        let py = sort.py();
        Self {
            plain: PlainClasses::new(py),
            list: PyList::type_object_raw(py),
            tuple: PyTuple::type_object_raw(py),
            dict: PyDict::type_object_raw(py),
            set: PySet::type_object_raw(py),
            frozen_set: PyFrozenSet::type_object_raw(py),
            sort,
            sorted: FxHashMap::default(),
        }
    }

    /// Whether the walk has nothing to do with a value, as far as that is known without asking.
    pub(super) fn is_plain(&self, value: &Bound<'py, PyAny>) -> bool {
        self.plain.has(value)
    }

    /// The kind of a value.
    ///
    /// # Errors
    /// What sorting its class raises.
    pub(super) fn of(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Kind<'py>> {
        let class = value.get_type_ptr();
        let container = if self.is_plain(value) {
            return Ok(Kind::Plain);
        } else if class == self.dict {
            Container::Dict
        } else if class == self.list {
            Container::List
        } else if class == self.tuple {
            Container::Tuple
        } else if class == self.set {
            Container::Set
        } else if class == self.frozen_set {
            Container::FrozenSet
        } else {
            return self.sorted(value);
        };
        Ok(Kind::Container(container))
    }

    fn sorted(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Kind<'py>> {
        let address = value.get_type_ptr().addr();
        if let Some((_, kind)) = self.sorted.get(&address) {
            return Ok(kind.clone());
        }
        let class = value.get_type();
        let found = self.sort.call1((&class,))?;
        let kind = if found.is_none() {
            Kind::Plain
        } else {
            match found.cast_into::<Shape>() {
                Ok(shape) => Kind::Container(Container::Shaped(shape)),
                Err(other) => Kind::Whole(other.into_inner()),
            }
        };
        self.sorted.insert(address, (class, kind.clone()));
        Ok(kind)
    }
}
