//! How values are translated between objects of async code and their twins: one walk through a value.
//!
//! It knows nothing of twins. Python's half says, once for each class that a walk meets, what is to be done with
//! the objects of that class.

mod kind;

mod shape;

mod container;

mod met;

mod circle;

mod walk;

mod values;

pub(crate) use self::container::check_number;
pub(crate) use self::kind::PlainClasses;
pub(crate) use self::shape::Shape;
pub(crate) use self::values::{translate, translate_call};
