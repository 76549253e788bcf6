//! The table: which contexts there are, and what must come of a call there.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::outcome::Outcome;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    #[serde(rename = "row")]
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) context: String,
    pub(crate) outcome: String,
    /// What a panic must say.
    #[serde(default)]
    message: String,
    /// What stands in the way of what does not work, and what to do instead.
    pub(crate) why: Option<String>,
}

impl Table {
    pub(crate) fn read() -> Result<Self, String> {
        let path = root().join("contract/rust.toml");
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{path:?}: {why}"))?;
        toml::from_str(&text).map_err(|why| format!("{path:?}: {why}"))
    }
}

impl Row {
    pub(crate) fn expects(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Panics(message) => self.outcome == "panics" && message.contains(&self.message),
            outcome => self.outcome == outcome.word(),
        }
    }
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
