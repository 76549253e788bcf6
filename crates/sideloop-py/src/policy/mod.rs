//! What is decided the same way everywhere: what may be run, how long it is waited for, what comes of it.

pub(crate) mod errors;

pub(crate) mod async_fn;

pub(crate) mod handed;

pub(crate) mod outcome;

pub(crate) mod interrupt;

pub(crate) mod insist;

pub(crate) mod chain;

pub(crate) mod mismatch;

pub(crate) mod deadline;

pub(crate) mod own_variables;

pub(crate) mod patience;

pub(crate) mod one_at_a_time;
