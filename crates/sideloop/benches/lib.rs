//! What the benches share: the peers, the place inside a worker, the table of ratios.
#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    reason = "for the benches here alone, which end with a panic"
)]

pub mod peers;

pub mod worker;

pub mod ratios;

pub mod switches;
