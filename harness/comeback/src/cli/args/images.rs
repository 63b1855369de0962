//! Arguments of `images`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::EngineArgs;
use crate::cli::values::duration;

/// Arguments of `images`.
#[derive(Debug, Clone, Args)]
pub struct Images {
    /// The subcommand.
    #[command(subcommand)]
    pub command: ImagesCommand,
}

/// A subcommand of `images`.
#[derive(Debug, Clone, Subcommand)]
pub enum ImagesCommand {
    /// Build or find images, and print their references, one a line
    Build {
        /// Images, e.g. release:0.17.0, release:0.17.0@trixie, source:.
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
        /// The engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// List the images that comeback built, with their age and the size that each adds to its base
    List {
        /// The engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// Remove images that comeback built and that nothing uses
    Prune {
        /// Remove images that are older than this, e.g. 7d or 12h
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: Option<Duration>,
        /// Remove the oldest images until the rest takes at most this many megabytes
        #[arg(long, value_name = "MB")]
        keep_mb: Option<u64>,
        /// Remove all of them
        #[arg(long, conflicts_with_all = ["older_than", "keep_mb"])]
        all: bool,
        /// The engine.
        #[command(flatten)]
        engine: EngineArgs,
    },
}
