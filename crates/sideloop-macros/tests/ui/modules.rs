use sideloop::synced;

#[synced]
mod nothing {
    pub fn sync() {}
}

#[synced]
mod cannot {
    pub struct Client;

    impl Client {
        pub async fn pair(&self) -> (Client, u32) {
            (Client, 0)
        }
    }
}

#[synced(name = other)]
mod named {
    pub async fn function() {}
}

fn main() {}
