use sideloop::synced;

struct Page;

trait Load<T> {
    async fn load(&self) -> T;
}

#[synced]
impl Load<String> for Page {
    async fn load(&self) -> String {
        String::new()
    }
}

fn main() {}
