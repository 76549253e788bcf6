//! Sync handlers on the blocking client, inside of axum: on worker threads of a multi-thread runtime, and of a
//! `current_thread` one.

use std::error::Error;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use sideloop_examples::serve::{Folder, ask};
use sideloop_examples::stock::blocking::Stock;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

type Failed = (axum::http::StatusCode, String);

fn failed(error: sideloop_examples::stock::Error) -> Failed {
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// Sync code, deep in a server.
fn deliver_one(stock: &Stock, name: &str) -> sideloop_examples::stock::Result<()> {
    let mut delivery = stock.deliver()?;
    delivery.add(name, 1)?;
    delivery.commit()
}

async fn deliver(
    State(stock): State<&'static Stock>,
    Path(name): Path<String>,
) -> Result<(), Failed> {
    deliver_one(stock, &name).map_err(failed)
}

async fn items(State(stock): State<&'static Stock>) -> Result<String, Failed> {
    let lines =
        stock.items().map(|item| item.map(|item| format!("{}: {}\n", item.name, item.count)));
    lines.collect::<Result<_, _>>().map_err(failed)
}

fn main() -> Result<(), Box<dyn Error>> {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let folder = Folder::new()?;
        let stock: &Stock = Box::leak(Box::new(Stock::open(&folder.file())?));
        let runtime = builder.enable_all().build()?;
        #[expect(clippy::disallowed_methods, reason = "the root of the server")]
        let said = runtime.block_on(async {
            let routes = Router::new()
                .route("/deliver/{name}", get(deliver))
                .route("/items", get(items))
                .with_state(stock);
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let server = listener.local_addr()?;
            tokio::spawn(async move { axum::serve(listener, routes).await });
            tokio::task::spawn_blocking(move || ask(server)).await?
        })?;
        print!("{said}");
        assert_eq!(said, "apples: 16\n");
        stock.close();
    }
    Ok(())
}
