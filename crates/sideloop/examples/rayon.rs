//! A parallel loop of rayon's whose body calls async code: no runtime in sight on its threads.

use std::time::Duration;

use rayon::prelude::*;
use sideloop::Runner;
use tokio::sync::Semaphore;

/// A service that answers at most sixteen requests at a time.
struct Service {
    slots: Semaphore,
}

impl Service {
    async fn square(&self, number: u64) -> u64 {
        let _slot = self.slots.acquire().await.expect("it is never closed");
        tokio::time::sleep(Duration::from_micros(200)).await;
        number * number
    }
}

fn main() {
    let runner = Runner::new("service");
    let service = Service { slots: Semaphore::new(16) };

    // The futures borrow the service; rayon's threads poll them.
    let sum: u64 =
        (0..1000_u64).into_par_iter().map(|number| runner.run_sync(service.square(number))).sum();

    println!("the sum of 1,000 squares: {sum}");
    assert_eq!(sum, 332_833_500);
    runner.shutdown(Duration::from_secs(5)).expect("nothing blocks its threads");
}
