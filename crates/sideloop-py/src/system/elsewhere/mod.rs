//! Any other system: what is everywhere, and types without values for what is not.

pub(crate) mod bell;

pub(crate) mod poller;

pub(crate) mod clock;

pub(crate) mod cpus;

pub(crate) mod thread;

pub(crate) mod socket;

pub(crate) mod pipe;
