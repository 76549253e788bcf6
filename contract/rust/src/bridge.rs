//! What can run a future from sync code: sideloop and its peers, each as its documentation shows it.

use std::sync::LazyLock;
use std::time::Duration;

use async_compat::Compat;
use tokio::runtime::{Handle, Runtime};
use tokio::task::block_in_place;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bridge {
    Sideloop,
    HandleBlockOn,
    BlockInPlace,
    Futures,
    Pollster,
    AsyncCompat,
}

/// Where there is no runtime around the caller, tokio's own bridges get one that is kept for that.
static ASIDE: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a runtime for the peers can be made"));

fn handle() -> Handle {
    Handle::try_current().unwrap_or_else(|_| ASIDE.handle().clone())
}

impl Bridge {
    pub(crate) const ALL: [Bridge; 6] = [
        Bridge::Sideloop,
        Bridge::HandleBlockOn,
        Bridge::BlockInPlace,
        Bridge::Futures,
        Bridge::Pollster,
        Bridge::AsyncCompat,
    ];

    /// Its name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Bridge::Sideloop => "sideloop",
            Bridge::HandleBlockOn => "handle-block-on",
            Bridge::BlockInPlace => "block-in-place",
            Bridge::Futures => "futures",
            Bridge::Pollster => "pollster",
            Bridge::AsyncCompat => "async-compat",
        }
    }

    /// Its name in the document.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Bridge::Sideloop => "sideloop",
            Bridge::HandleBlockOn => "`Handle::block_on`",
            Bridge::BlockInPlace => "`block_in_place`",
            Bridge::Futures => "futures",
            Bridge::Pollster => "pollster",
            Bridge::AsyncCompat => "async-compat",
        }
    }

    pub(crate) fn find(word: &str) -> Option<Self> {
        Bridge::ALL.into_iter().find(|bridge| bridge.word() == word)
    }

    pub(crate) fn run<F: Future>(self, future: F) -> F::Output {
        match self {
            Bridge::Sideloop => sideloop::run_sync(future),
            Bridge::HandleBlockOn => handle().block_on(future),
            Bridge::BlockInPlace => block_in_place(|| handle().block_on(future)),
            Bridge::Futures => futures_executor::block_on(future),
            Bridge::Pollster => pollster::block_on(future),
            Bridge::AsyncCompat => futures_executor::block_on(Compat::new(future)),
        }
    }

    /// With the bridge's own time limit, or, where it has none, with tokio's.
    pub(crate) fn run_within<F: Future>(self, limit: Duration, future: F) -> Option<F::Output> {
        match self {
            Bridge::Sideloop => sideloop::run_sync_timeout(future, limit).ok(),
            other => other.run(async { tokio::time::timeout(limit, future).await.ok() }),
        }
    }
}
