use sideloop::synced;

#[synced]
async fn add(a: i32, b: i32) -> i32 {
    a + b
}

fn main() {
    let _: i32 = add_sync("10", 12);
}
