//! Arguments of `explore`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{EngineArgs, ReportArgs, SeedArg};
use crate::cli::values::duration;

/// Its help.
pub(super) const HELP: &str = "\
Does to the gateway what operators, engines and kernels do, in sequences made up from the seed, with and without waiting \
between the steps, and holds it to one rule: only an operator changes whether it is to run. What fails is shrunk on the real \
engine to the shortest sequence that still fails, repeated five times, and printed as a scenario file.

The same seed gives the same sequences, whatever the machine. Something found is exit 1. What is indeterminate, as after a \
start and a stop at once, is not judged.

Examples:
  comeback explore release:0.16.0
  comeback explore source:. --runs 200 --budget 1h --profiles 3
  comeback explore release:0.16.0 --seed 7 --save scenarios/found-7.toml
  comeback explore release:0.17.0 --seed 7 --dry-run     the sequences, and nothing is run";

/// Arguments of `explore`.
#[derive(Debug, Clone, Args)]
pub struct Explore {
    /// Image to explore, e.g. release:0.17.0, source:., docker:REF
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Sequences to try
    #[arg(long, value_name = "N", default_value = "60")]
    pub runs: NonZeroUsize,
    /// Most moves of a sequence; an outage with what it interrupts is one
    #[arg(long, value_name = "N", default_value = "8")]
    pub steps: NonZeroUsize,
    /// What is drawn follows from it.
    #[command(flatten)]
    pub seed: SeedArg,
    /// Most profiles
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub profiles: u8,
    /// Begin nothing new after that long, e.g. 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub budget: Duration,
    /// Write what was found to this scenario file; what was found beside it goes to FILE-2 and so on
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Break the gateway by this fault overlay first
    #[arg(long, value_name = "NAME")]
    pub overlay: Option<String>,
    /// Sequences at the same time [default: as many as the engine's processors bear]
    #[arg(
        long,
        short = 'j',
        env = "COMEBACK_JOBS",
        hide_env = true,
        value_name = "N",
        help_heading = "Run"
    )]
    pub jobs: Option<NonZeroUsize>,
    /// Longest a sequence may take, e.g. 90s or 5m
    #[arg(long, env = "COMEBACK_TIMEOUT", hide_env = true, value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Run")]
    pub timeout: Duration,
    /// Print the sequences and run nothing
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,
    /// What is written where.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Which engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}
