//! The blocking client in a plain sync program: threads, one pool, transactions, items as they arrive.

use std::path::Path;
use std::thread;

use sideloop_examples::stock::blocking::Stock;
use sideloop_examples::stock::{Item, Result};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("sideloop-stock-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let ended = keep(&folder.join("stock.db"));
    std::fs::remove_dir_all(&folder)?;
    Ok(ended?)
}

fn keep(file: &Path) -> Result<()> {
    let stock = Stock::open(file)?;
    thread::scope(|scope| {
        let delivers = |count| {
            let stock = &stock;
            move || -> Result<()> {
                let mut delivery = stock.deliver()?;
                delivery.add("apples", count)?;
                delivery.add("pears", 10 * count)?;
                delivery.commit()
            }
        };
        let threads: Vec<_> = (1..=4).map(|count| scope.spawn(delivers(count))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;

    // Dropped outside of any call, it is taken back all the same, and its connection is the pool's again.
    let mut delivery = stock.deliver()?;
    delivery.add("apples", 1000)?;
    drop(delivery);

    // Left in the middle.
    let first = stock.items().next().transpose()?;
    assert_eq!(first, Some(Item { name: "apples".into(), count: 10 }));

    let items = stock.items().collect::<Result<Vec<_>>>()?;
    for Item { name, count } in &items {
        println!("{name}: {count}");
    }
    assert_eq!(items.iter().map(|item| item.count).collect::<Vec<_>>(), [10, 100]);
    assert_eq!(stock.count("plums")?, 0);
    stock.close();
    Ok(())
}
