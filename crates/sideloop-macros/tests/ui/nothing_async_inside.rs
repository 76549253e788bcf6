use sideloop::synced;

struct Page;

#[synced]
impl Page {
    fn title(&self) -> &str {
        "title"
    }
}

#[synced]
trait Load {
    fn load(&self);
}

fn main() {}
