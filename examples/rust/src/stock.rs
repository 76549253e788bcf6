//! What is in stock: sqlx with SQLite, behind a pool, in transactions, streamed.
//!
//! `#[synced]` stands on the module inside, which makes its `blocking` counterpart.

pub use client::*;

#[sideloop::synced]
mod client {
    use std::path::Path;

    use futures_core::stream::BoxStream;
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
    use sqlx::{Row, Sqlite};

    pub use sqlx::Error;

    /// What sqlx says when something goes wrong.
    pub type Result<T> = std::result::Result<T, sqlx::Error>;

    /// One kind of thing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Item {
        /// Its name.
        pub name: String,
        /// How many there are.
        pub count: i64,
    }

    /// A pool of connections to what is in stock.
    #[derive(Clone, Debug)]
    pub struct Stock(SqlitePool);

    /// A delivery that has not been entered yet. Dropped, it is taken back.
    pub struct Delivery(sqlx::Transaction<'static, Sqlite>);

    impl Stock {
        /// Open a file, which is made if need be.
        ///
        /// # Errors
        /// If it is no database.
        pub async fn open(file: &Path) -> Result<Self> {
            let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
            let table = "CREATE TABLE IF NOT EXISTS stock \
                         (name TEXT PRIMARY KEY, count INTEGER NOT NULL)";
            sqlx::query(table).execute(&pool).await?;
            Ok(Self(pool))
        }

        /// Begin a delivery: a transaction, which holds one of the pool's connections.
        ///
        /// # Errors
        /// If no connection can be had.
        pub async fn deliver(&self) -> Result<Delivery> {
            // SQLite has one writer at a time: who comes second waits here, not in the middle.
            Ok(Delivery(self.0.begin_with("BEGIN IMMEDIATE").await?))
        }

        /// How many there are.
        ///
        /// # Errors
        /// If the database cannot be read.
        pub async fn count(&self, name: &str) -> Result<i64> {
            let query = sqlx::query_scalar("SELECT count FROM stock WHERE name = ?").bind(name);
            Ok(query.fetch_optional(&self.0).await?.unwrap_or(0))
        }

        /// All items by their names, as they arrive. It holds one of the pool's connections.
        pub fn items(&self) -> BoxStream<'_, Result<Item>> {
            let query = sqlx::query("SELECT name, count FROM stock ORDER BY name");
            let rows = query.try_map(|row: sqlx::sqlite::SqliteRow| {
                Ok(Item { name: row.try_get(0)?, count: row.try_get(1)? })
            });
            rows.fetch(&self.0)
        }

        /// How many connections nobody uses now.
        pub fn idle(&self) -> usize {
            self.0.num_idle()
        }

        /// Wait until all connections are closed.
        pub async fn close(&self) {
            self.0.close().await;
        }
    }

    impl Delivery {
        /// Enter something.
        ///
        /// # Errors
        /// If it cannot be written.
        pub async fn add(&mut self, name: &str, count: i64) -> Result<()> {
            let query = "INSERT INTO stock VALUES (?, ?) \
                         ON CONFLICT (name) DO UPDATE SET count = count + excluded.count";
            sqlx::query(query).bind(name).bind(count).execute(&mut *self.0).await?;
            Ok(())
        }

        /// Make it so.
        ///
        /// # Errors
        /// If it cannot be written.
        pub async fn commit(self) -> Result<()> {
            self.0.commit().await
        }
    }
}
