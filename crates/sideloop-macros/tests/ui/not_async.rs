use sideloop::synced;

#[synced]
pub fn add(a: i32, b: i32) -> i32 {
    a + b
}

struct Page;

impl Page {
    #[synced]
    fn title(&self) -> &str {
        "title"
    }
}

fn main() {}
