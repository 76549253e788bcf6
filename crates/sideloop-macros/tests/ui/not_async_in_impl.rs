use sideloop::synced;

struct Page;

#[synced]
impl Page {
    async fn load() -> Page {
        Page
    }

    #[synced]
    fn title(&self) -> &str {
        "title"
    }

    #[synced(skip)]
    fn text(&self) -> &str {
        "text"
    }
}

fn main() {
    // The members that are right have their twins.
    let _page = Page::load_sync();
}
