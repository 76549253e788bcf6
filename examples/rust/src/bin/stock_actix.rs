//! Sync handlers on the blocking client, inside of actix-web, whose workers are `current_thread` runtimes.

use std::io;

use actix_web::{App, HttpServer, error, web};
use sideloop_examples::serve::{Folder, ask};
use sideloop_examples::stock::blocking::Stock;

async fn deliver(
    stock: web::Data<Stock>,
    name: web::Path<String>,
) -> actix_web::Result<&'static str> {
    let mut delivery = stock.deliver().map_err(error::ErrorInternalServerError)?;
    delivery.add(&name, 1).map_err(error::ErrorInternalServerError)?;
    delivery.commit().map_err(error::ErrorInternalServerError)?;
    Ok("")
}

async fn items(stock: web::Data<Stock>) -> actix_web::Result<String> {
    let lines =
        stock.items().map(|item| item.map(|item| format!("{}: {}\n", item.name, item.count)));
    lines.collect::<Result<_, _>>().map_err(error::ErrorInternalServerError)
}

fn main() -> io::Result<()> {
    let folder = Folder::new()?;
    // Opened once, in sideloop's runtime: each worker of actix-web has one of its own, which calls block.
    let stock = web::Data::new(Stock::open(&folder.file()).map_err(io::Error::other)?);
    let shared = stock.clone();
    let said = actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/deliver/{name}", web::get().to(deliver))
                .route("/items", web::get().to(items))
        });
        let server = server.workers(2).disable_signals().bind("127.0.0.1:0")?;
        let address = server.addrs()[0];
        let running = server.run();
        let stops = running.handle();
        let runs = actix_web::rt::spawn(running);
        let said = actix_web::rt::task::spawn_blocking(move || ask(address)).await?;
        stops.stop(true).await;
        runs.await??;
        said
    })?;
    print!("{said}");
    assert_eq!(said, "apples: 16\n");
    stock.close();
    Ok(())
}
