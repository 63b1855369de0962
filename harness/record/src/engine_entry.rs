//! The engine of a run, as its record has it.

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
    /// By how much the clock of its host differs from ours; `None` if it does not tell its time.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
}
