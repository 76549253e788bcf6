use sideloop::synced;

#[synced(name)]
async fn missing() {}

#[synced(name =)]
async fn missing_too() {}

#[synced(name = "load")]
async fn quoted() {}

#[synced(name = 3)]
async fn number() {}

#[synced(name = same)]
async fn same() {}

#[synced(suffix = _blocking)]
async fn unknown() {}

#[synced("load")]
async fn bare() {}

#[synced(name = a, name = b)]
async fn twice() {}

#[synced(skip)]
async fn nothing_to_skip() {}


#[synced(runner)]
async fn no_runner() {}

#[synced(timeout =)]
async fn no_limit() {}

#[synced(skip, name = skipped)]
async fn both() {}

fn main() {}
