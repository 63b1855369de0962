//! The engine of a run, as the ledger describes it.

use serde::{Deserialize, Serialize};

use comeback_history::clock::ClockOffset;

/// The engine of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineEntry {
    /// `docker` or `podman`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The API version that was negotiated.
    pub api: String,
    /// Its address.
    pub host: String,
    /// Processors it can use.
    pub cpus: usize,
    /// Memory it can use, in bytes.
    pub memory: u64,
    /// Storage driver.
    pub storage: String,
    /// Architecture as the engine names it: `x86_64`, `aarch64`.
    pub architecture: String,
    /// True if memory limits are enforced.
    pub memory_limit: bool,
    /// The difference of the clock of its host from ours; `None` if the engine does not report its time.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
}
