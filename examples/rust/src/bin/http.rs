//! Sync code on async HTTP: pages read with reqwest, from a hyper server in the same program.
//!
//! The server is a task on sideloop's threads, so it answers between the calls, too. The client's
//! futures are polled by `main`'s thread.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sideloop::{run_sync, synced};
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

async fn answer(
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let page = format!("this is {}\n", request.uri().path());
    Ok(Response::new(Full::new(Bytes::from(page.repeat(100)))))
}

/// Serve in the background, and say where.
#[synced]
async fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accept = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            sideloop::spawn(async { drop(connection.await) }).detach();
        }
    };
    sideloop::spawn(accept).detach();
    Ok(address)
}

#[synced]
async fn page(client: &reqwest::Client, url: &str) -> reqwest::Result<String> {
    client.get(url).send().await?.error_for_status()?.text().await
}

fn main() -> Result<()> {
    let address = serve_sync()?;
    let client = reqwest::Client::new();

    // One after the other, from sync code.
    let mut read = 0;
    for number in 0..200 {
        read += page_sync(&client, &format!("http://{address}/{number}"))?.len();
    }
    println!("200 pages one after the other: {read} bytes");

    // Ten at once: the tasks run on sideloop's threads.
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let (client, url) = (client.clone(), format!("http://{address}/at-once/{number}"));
            sideloop::spawn(async move { page(&client, &url).await })
        })
        .collect();
    let mut at_once = 0;
    for task in tasks {
        at_once += task.join()?.len();
    }
    println!("10 pages at once: {at_once} bytes");

    // A body as it arrives.
    let response = run_sync(client.get(format!("http://{address}/streamed")).send())?;
    let mut streamed = 0;
    for chunk in sideloop::iter(response.bytes_stream()) {
        streamed += chunk?.len();
    }
    println!("a streamed page: {streamed} bytes");
    assert_eq!(streamed, "this is /streamed\n".len() * 100);
    Ok(())
}
