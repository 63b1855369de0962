//! Arguments of `doctor`.

use clap::{Args, ValueEnum};

use super::EngineArgs;

/// The help of `doctor`.
pub(super) const HELP: &str = "\
Checks everything a run needs: the engine and where its address comes from, its builder, disk and limits, a source of the \
base image, the package index, the cache, and leftovers of killed runs. It starts no container and downloads no image. To \
test the builder it builds an empty image and removes it.

The exit code is 0 if everything that a run needs is here, and 3 if not.

Examples:
  comeback doctor
  comeback doctor --offline        checks whether runs work without a network
  comeback doctor --format json";

/// Arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Format of the findings on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub format: DoctorFormat,
    /// The engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// The format of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For people at a terminal
    Human,
    /// One document for programs
    Json,
}
