use sideloop::synced;

struct Page;

#[synced(name = load_now)]
impl Page {
    async fn load() {}
}

#[synced(skip)]
impl Page {
    async fn store() {}
}

#[synced]
impl Page {
    #[synced(name = "close")]
    async fn shut() {}

    #[synced]
    #[synced(name = open_now)]
    async fn open() {}
}

fn main() {}
