//! What the servers in `bin/` share: a file, and a client that asks them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Make one.
    ///
    /// # Errors
    /// If the system refuses it.
    pub fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("sideloop-stock-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// A file in there.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.0.join("stock.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The body of an answer to `GET path`.
///
/// # Errors
/// If the server does not answer.
pub fn get(server: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// Ask for deliveries from many threads at once, and then for what is there.
///
/// # Errors
/// If the server does not answer.
pub fn ask(server: SocketAddr) -> std::io::Result<String> {
    std::thread::scope(|scope| {
        let asks: Vec<_> =
            (0..16).map(|_| scope.spawn(move || get(server, "/deliver/apples"))).collect();
        asks.into_iter().try_for_each(|ask| {
            ask.join().map_err(|_| std::io::Error::other("a panic"))?.map(|_| ())
        })
    })?;
    get(server, "/items")
}
