use sideloop::synced;

#[synced]
struct Page;

#[synced]
pub const LIMIT: usize = 3;

#[synced]
mod pages {}

fn main() {}
