//! Arguments of `judge` and `merge`, and the report flags of all commands.

use std::path::PathBuf;

use clap::Args;

use comeback_commands::options::{Output, ReportFormat};

use crate::cli::values::{format, output};

/// The help of `judge`.
pub(super) const JUDGE_HELP: &str = "\
Uses the scenarios, images and expectations that are in the record, even if the table has changed since. The verdict and the \
exit code are those of the run. If the run was killed, the cases that had ended are judged, and the others are inconclusive.

Examples:
  comeback judge ~/.cache/comeback/runs/20261123171806-aad34-5fe7
  comeback judge record --output html=report.html --output junit=junit.xml";

/// Arguments of `judge`.
#[derive(Debug, Clone, Args)]
pub struct Judge {
    /// Folder of the record: the one that --record named, or the one in the run's report
    #[arg(value_name = "RECORD")]
    pub record: PathBuf,
    /// The reports.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// The help of `merge`.
pub(super) const MERGE_HELP: &str = "\
Each shard is the record of one `--partition BY:K/N` of the same command, on an engine of its own. The result is the run that \
one machine would have made of the whole plan: one record, one verdict, one exit code and any report. Nothing is judged \
(exit 64) if a shard is missing, given twice or was cut short, or if it ran another image (by its id), another table or \
another plan.

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
    /// The reports and the record.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// The reports and the record.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// The reports.
    #[command(flatten)]
    pub render: RenderArgs,
    /// Write the record of the run to this folder [default: a new folder in the user's cache]
    #[arg(long, env = "COMEBACK_RECORD", hide_env = true, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Add a line about the run to this file, and show the trend of the runs in it
    #[arg(long, env = "COMEBACK_HISTORY", hide_env = true, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// The reports to write.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct RenderArgs {
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format())]
    pub format: ReportFormat,
    /// Write a further report to a file, e.g. html=report.html; can be given several times
    #[arg(long, env = "COMEBACK_OUTPUT", hide_env = true, value_name = "FORMAT=PATH", value_parser = output)]
    pub output: Vec<Output>,
}
