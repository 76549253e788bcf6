use sideloop::synced;

#[synced]
async fn load(path: &str, #[cfg(unix)] mode: u32) {
    let _ = (path, mode);
}

fn main() {}
