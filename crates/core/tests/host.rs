//! A host's transitions: every event in every state (`host/table.txt`), and any order of events.
#![cfg(not(loom))]

#[path = "host/parts.rs"]
mod parts;

#[path = "host/table.rs"]
mod table;

#[path = "host/rules.rs"]
mod rules;

#[path = "host/orders.rs"]
mod orders;
