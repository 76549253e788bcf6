//! Sync code in a task of a `current_thread` runtime that has entered the handle of another runtime, as
//! async-compat does it: tokio could only say by a panic whether the thread may block there.
//!
//! Run it optimised, too: this workspace's release profile has `panic = "abort"`, where a panic that is
//! asked for would end the program.

use std::time::Duration;

use tokio::runtime::Builder;

fn sync_code() -> u32 {
    sideloop::run_sync(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
        tokio::spawn(async { 22 }).await.expect("it does not panic")
    })
}

#[expect(clippy::disallowed_methods, reason = "the root of a program")]
fn main() -> std::io::Result<()> {
    let other = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let entered = other.handle().clone();
        let task = tokio::spawn(async move {
            let _entered = entered.enter();
            (sync_code(), sync_code())
        });
        task.await.expect("it does not panic")
    });
    println!("{answer:?}");
    assert_eq!(answer, (22, 22));
    Ok(())
}
