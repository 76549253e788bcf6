//! A client library with two faces, of which one is written: `stock` is async, `stock::blocking` is made of it.
//!
//! The programs in `bin/` use the blocking one from a plain `main`, inside of axum and of actix-web;
//! `ffi.rs` gives it to C.

pub mod stock;

pub mod ffi;

pub mod serve;
