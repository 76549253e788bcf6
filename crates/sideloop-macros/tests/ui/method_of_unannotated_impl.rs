use sideloop::synced;

struct Page;

impl Page {
    // Says neither `self` nor `Self`, so it is taken for a free function; the message names the remedy.
    #[synced]
    async fn count() -> usize {
        3
    }
}

fn main() {}
