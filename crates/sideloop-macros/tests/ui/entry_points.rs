use sideloop::synced;

#[synced]
#[tokio::main]
async fn main() {}

#[synced]
#[tokio::test]
async fn test() {}
