//! A sync program on an async database client: sqlx, with SQLite in a file.
//!
//! The queries are written async, once; `#[synced]` gives each its blocking twin. Threads share the pool,
//! and rows are iterated over while they arrive.

use std::error::Error;
use std::path::Path;
use std::thread;

use sideloop::synced;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What is in stock. Each method has a blocking twin.
struct Stock(SqlitePool);

#[synced]
impl Stock {
    async fn open(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::query("CREATE TABLE stock (item TEXT PRIMARY KEY, count INTEGER NOT NULL)")
            .execute(&pool)
            .await?;
        Ok(Self(pool))
    }

    async fn deliver(&self, delivery: &[(&str, i64)]) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        for (item, count) in delivery {
            sqlx::query(
                "INSERT INTO stock VALUES (?, ?) \
                 ON CONFLICT (item) DO UPDATE SET count = count + excluded.count",
            )
            .bind(item)
            .bind(count)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn count(&self, item: &str) -> Result<i64> {
        let query = sqlx::query_scalar("SELECT count FROM stock WHERE item = ?");
        Ok(query.bind(item).fetch_one(&self.0).await?)
    }

    async fn close(self) {
        self.0.close().await;
    }
}

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("sideloop-sqlite-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let ended = keep_stock(&folder.join("stock.db"));
    std::fs::remove_dir_all(&folder)?;
    ended
}

fn keep_stock(file: &Path) -> Result<()> {
    let stock = Stock::open_sync(file)?;

    // Four threads, one pool.
    thread::scope(|scope| {
        let deliveries: Vec<_> = (1..=4)
            .map(|count| {
                scope.spawn({
                    let stock = &stock;
                    move || stock.deliver_sync(&[("apples", count), ("pears", 10 * count)])
                })
            })
            .collect();
        deliveries.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic")?)
    })?;

    assert_eq!(stock.count_sync("apples")?, 10);

    // Rows, as they arrive.
    for row in sideloop::iter(sqlx::query("SELECT * FROM stock ORDER BY item").fetch(&stock.0)) {
        let row = row?;
        println!("{}: {}", row.try_get::<&str, _>("item")?, row.try_get::<i64, _>("count")?);
    }

    stock.close_sync();
    Ok(())
}
