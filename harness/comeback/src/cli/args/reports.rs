//! Which reports are made, and of what: the arguments of `judge`, and what all commands that run cases have of them.

use std::path::PathBuf;

use clap::Args;

use comeback_commands::options::{Output, ReportFormat};

use crate::cli::values::{format, output};

/// The help of `judge`.
pub(super) const JUDGE_HELP: &str = "\
Judges by the scenarios, images and expectations as they were when the record was made, whatever has become of the table \
since: the verdict and the exit code are those of the run. Of a run that was killed, what had ended is judged; what was \
running or had not begun is inconclusive.

Examples:
  comeback judge ~/.cache/comeback/runs/20261123171806-aad34-5fe7
  comeback judge record --output html=report.html --output junit=junit.xml";

/// Arguments of `judge`.
#[derive(Debug, Clone, Args)]
pub struct Judge {
    /// Folder of the record, as --record named it or as the run's report tells
    #[arg(value_name = "RECORD")]
    pub record: PathBuf,
    /// What is written where.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// The help of `merge`.
pub(super) const MERGE_HELP: &str = "\
Each shard is the record of one `--partition BY:K/N` of the same command, on an engine of its own. What comes out is the run \
that one machine would have made of the whole plan: its record, its reports, its verdict and its exit code. A shard that is \
missing, is there twice, was cut short, or ran another image (by its id), another table or another plan is an error (64), and \
nothing is judged.

Examples:
  comeback check release:0.17.0 --partition slice:1/2 --record one    on one machine
  comeback check release:0.17.0 --partition slice:2/2 --record two    on another
  comeback merge one two --record whole --output junit=junit.xml";

/// Arguments of `merge`.
#[derive(Debug, Clone, Args)]
pub struct Merge {
    /// Folders of the shards' records
    #[arg(value_name = "RECORD", required = true)]
    pub records: Vec<PathBuf>,
    /// What is written where.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What is written where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// What is written where.
    #[command(flatten)]
    pub render: RenderArgs,
    /// Keep the record of the run in this folder [default: one of its own in the user's cache]
    #[arg(long, env = "COMEBACK_RECORD", hide_env = true, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

/// Which reports are made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct RenderArgs {
    /// What is written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format())]
    pub format: ReportFormat,
    /// Also write a report to a file, e.g. html=report.html; can be given several times
    #[arg(long, env = "COMEBACK_OUTPUT", hide_env = true, value_name = "FORMAT=PATH", value_parser = output)]
    pub output: Vec<Output>,
}
