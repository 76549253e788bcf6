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

struct Shelf<'a, T>(&'a T);

#[synced(blocking)]
impl<T> Shelf<'_, T> {
    pub async fn take(&self) {}
}

#[synced(blocking)]
impl Page {
    pub fn sync() {}
}

#[synced(blocking)]
async fn function() {}

#[synced(blocking)]
mod module {
    pub async fn function() {}
}

#[synced]
impl Page {
    #[synced(blocking)]
    async fn member() {}
}

fn main() {}
