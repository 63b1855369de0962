//! Arguments of `doctor`.

use clap::{Args, ValueEnum};

use super::EngineArgs;

/// Its help.
pub(super) const HELP: &str = "\
Looks at everything a run needs: the engine and who named it, its builder, disk and limits, a way to a base image, the \
package index, the cache, and what killed runs left behind. Starts no container and downloads no image; it builds an image \
of nothing to see whether the builder works, and removes it.

Ends with 0 if everything that a run needs is here, with 3 if not.

Examples:
  comeback doctor
  comeback doctor --offline        is everything here that a run without a network needs?
  comeback doctor --format json";

/// Arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// What is written to stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub format: DoctorFormat,
    /// Which engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For people at a terminal
    Human,
    /// One document for programs
    Json,
}
