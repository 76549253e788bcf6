//! What the tests share: a time limit around each, so that a hang fails instead of lasting.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// No test takes a hundredth of it on a machine that is not emulated.
fn limit() -> Duration {
    scaled(Duration::from_secs(30))
}

/// As long as this machine needs for what usually takes `usual` at most: `SIDELOOP_PACE` says how many times longer.
pub(crate) fn scaled(usual: Duration) -> Duration {
    let pace =
        std::env::var("SIDELOOP_PACE").ok().map(|pace| pace.parse::<f64>().expect("a number"));
    usual.mul_f64(pace.unwrap_or(1.0))
}

/// Run `test` on a thread of its own and wait for its end.
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(catch_unwind(AssertUnwindSafe(test)));
    });
    match receiver.recv_timeout(limit()).expect("it ends within the limit") {
        Ok(output) => output,
        Err(panic) => resume_unwind(panic),
    }
}

/// The message of a caught panic.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(message) => message,
        None => panic.downcast_ref::<&str>().expect("panics of ours have messages"),
    }
}

/// A runtime with `workers` worker threads; none means `current_thread`.
pub(crate) fn runtime(workers: usize) -> tokio::runtime::Runtime {
    let mut builder = match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        workers => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    builder.enable_all().build().expect("a runtime")
}

/// Run a future to its end on `runtime`: the root that a `#[tokio::main]` program is.
#[expect(clippy::disallowed_methods, reason = "the very situation that is tested")]
pub(crate) fn root<F: Future>(runtime: &tokio::runtime::Runtime, future: F) -> F::Output {
    runtime.block_on(future)
}

/// Something that waits for a timer, for another task, and for its turn.
pub(crate) async fn work() -> u32 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::task::yield_now().await;
    tokio::spawn(async {
        tokio::task::yield_now().await;
        22
    })
    .await
    .expect("it does not panic")
}

/// Read back what was sent through a TCP connection on this machine.
pub(crate) async fn echo() -> usize {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await
    });
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the server");
    stream.write_all(&[7; 1000]).await.expect("to be read");
    let mut back = [0; 1000];
    let count = stream.read_exact(&mut back).await.expect("the echo");
    drop(stream);
    server.await.expect("no panic").expect("no error");
    count
}
