//! Arguments of `images`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::EngineArgs;
use crate::cli::values::duration;

/// Arguments of `images`.
#[derive(Debug, Clone, Args)]
pub struct Images {
    /// What to do with them.
    #[command(subcommand)]
    pub command: ImagesCommand,
}

/// What to do with images.
#[derive(Debug, Clone, Subcommand)]
pub enum ImagesCommand {
    /// Build or find images, and print the reference of each, one a line
    Build {
        /// Images, e.g. release:0.17.0, release:0.17.0@trixie, source:.
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
        /// Which engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// List the images of ours: what each adds to its base, and its age
    List {
        /// Which engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// Remove images of ours that nothing uses
    Prune {
        /// Those made longer ago, e.g. 7d or 12h
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: Option<Duration>,
        /// The oldest, until what is left takes no more than that many megabytes
        #[arg(long, value_name = "MB")]
        keep_mb: Option<u64>,
        /// All of them
        #[arg(long, conflicts_with_all = ["older_than", "keep_mb"])]
        all: bool,
        /// Which engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
}
