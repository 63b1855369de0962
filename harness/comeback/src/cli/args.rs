//! Commands and their flags.

mod common;
mod compare;
mod doctor;
mod explore;
mod images;
mod manual;
mod matrix;
mod reports;
mod selftest;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use common::{
    ColorWhen, ColumnArg, EngineArgs, EngineKind, ExitStyleArg, Keep, ObserverFrom, RunArgs, SeedArg, Select,
    TerminalArgs,
};
pub use compare::Compare;
pub use doctor::{Doctor, DoctorFormat};
pub use explore::Explore;
pub use images::{Images, ImagesCommand};
pub use manual::{Completions, Man};
pub use matrix::Matrix;
pub use reports::{Judge, Merge, RenderArgs, ReportArgs};
pub use selftest::Selftest;

use comeback_verdict::Exit;

const ABOUT: &str = "When a container restarts, does the gateway in it come back?";

const LONG_ABOUT: &str = "\
When a container restarts, does the gateway in it come back?

Boots the hermes-agent gateway image for real, does to it what operators and engines do (docker restart, a bare SIGTERM, \
`hermes gateway stop`, …), and judges what was persisted and what the next boot made of it against a table of fixed and \
regressed behaviour.";

const EXAMPLES: &str = "\
Examples:
  comeback reproduce                           see issue #42675 happen, and its fix
  comeback check source:.                      judge a checkout of hermes-agent
  comeback check release:0.17.0 --format json  the same for a release, for programs
  comeback scenarios explain docker-restart    what a scenario does and what it expects";

const REPRODUCE_HELP: &str = "\
Builds the gateway images of 0.16.0 (has the bug) and 0.17.0 (has the fix), runs the core scenarios on both, and shows \
what was seen beside what each column of the table says. Expected is regressed for the first and fixed for the second; \
scenarios that hold on every release are expected to hold on both.

Examples:
  comeback reproduce
  comeback reproduce --filter docker-restart --keep on-failure
  comeback reproduce --format json > run.json";

const CHECK_HELP: &str = "\
An IMAGE is one of
  release:0.17.0      a release on PyPI, built into our own image
  source:PATH         a hermes-agent checkout or unpacked sdist, built likewise
  docker:REF          an existing image, pulled if absent; its entrypoint is kept, its command is ours
  dockerfile:PATH     an image built from that Dockerfile
The first two take a base as a suffix: @bookworm (default), @trixie or @forky-s6.

What is expected follows from the image's release, unless --expect says it.

Examples:
  comeback check source:.
  comeback check release:0.16.0 --expect fixed --filter docker-restart
  comeback check docker:ghcr.io/me/gateway:pr-12 --filter 'tag(core) and not id(oom*)'
  comeback check release:0.16.0 release:0.17.0 --repeat 5 --fail-fast
  git bisect run comeback check source:. --filter docker-restart --exit-style bisect";

/// The version, with the commit where that is known.
const VERSION: &str = match option_env!("COMEBACK_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The table of exit codes, for the help of commands that end with a verdict.
fn exit_codes() -> String {
    let lines = Exit::ALL
        .iter()
        .map(|exit| format!("  {:<5}{}", exit.code(), exit.meaning()));
    format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "comeback", version = VERSION, about = ABOUT, long_about = LONG_ABOUT)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}\n\n{}", super::defaults::help(), exit_codes()))]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How progress and messages are shown.
    #[command(flatten)]
    pub terminal: TerminalArgs,
    /// The file that defaults were read from.
    #[arg(skip)]
    pub defaults: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show issue #42675 on the releases before and after its fix
    #[command(after_help = REPRODUCE_HELP, after_long_help = format!("{REPRODUCE_HELP}\n\n{}", exit_codes()))]
    Reproduce(Reproduce),
    /// Judge images against the behaviour table
    #[command(after_help = CHECK_HELP, after_long_help = format!("{CHECK_HELP}\n\n{}", exit_codes()))]
    Check(Check),
    /// Say what NEW introduces, repairs and leaves as it was, scenario by scenario: the gate for a change
    #[command(after_help = compare::HELP, after_long_help = format!("{}\n\n{}", compare::HELP, exit_codes()))]
    Compare(Compare),
    /// Show what each release does with the whole table, and remember it
    #[command(after_help = matrix::HELP, after_long_help = format!("{}\n\n{}", matrix::HELP, exit_codes()))]
    Matrix(Matrix),
    /// Try sequences nobody wrote down, and find the shortest that makes a gateway forget what its operator wanted
    #[command(after_help = explore::HELP, after_long_help = format!("{}\n\n{}", explore::HELP, exit_codes()))]
    Explore(Explore),
    /// Judge the record of a run again, without an engine, and render any report of it
    #[command(after_help = reports::JUDGE_HELP, after_long_help = format!("{}\n\n{}", reports::JUDGE_HELP, exit_codes()))]
    Judge(Judge),
    /// Make one run of the shards that several machines ran with --partition, and judge it
    #[command(after_help = reports::MERGE_HELP, after_long_help = format!("{}\n\n{}", reports::MERGE_HELP, exit_codes()))]
    Merge(Merge),
    /// Break the gateway on purpose, one thing at a time, and see each fault caught
    #[command(after_help = selftest::HELP, after_long_help = format!("{}\n\n{}", selftest::HELP, exit_codes()))]
    Selftest(Selftest),
    /// List and explain scenarios
    Scenarios(Scenarios),
    /// Build, list and remove gateway images of ours
    #[command(
        after_help = "Examples:\n  comeback images build release:0.17.0 release:0.17.0@trixie\n  \
                            comeback images list\n  comeback images prune --older-than 7d"
    )]
    Images(Images),
    /// Look at everything a run needs, and say what to do about what is missing
    #[command(after_help = doctor::HELP, after_long_help = doctor::HELP)]
    Doctor(Doctor),
    /// Remove what killed runs left behind: containers, volumes and networks of ours, and nothing else
    #[command(
        after_help = "Examples:\n  comeback sweep\n  comeback sweep --dry-run\n  comeback sweep --run 20261123171806-aad34-5fe7"
    )]
    Sweep(Sweep),
    /// Print a completion script for a shell
    #[command(after_help = manual::COMPLETIONS_HELP)]
    Completions(Completions),
    /// Print the manual page of a command, or write all of them into a folder
    #[command(after_help = manual::MAN_HELP)]
    Man(Man),
}

impl Command {
    /// The command's name, as in the run document.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reproduce(_) => "reproduce",
            Self::Check(_) => "check",
            Self::Compare(_) => "compare",
            Self::Matrix(_) => "matrix",
            Self::Explore(_) => "explore",
            Self::Judge(_) => "judge",
            Self::Merge(_) => "merge",
            Self::Selftest(_) => "selftest",
            Self::Scenarios(_) => "scenarios",
            Self::Images(_) => "images",
            Self::Doctor(_) => "doctor",
            Self::Sweep(_) => "sweep",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// True if any of its flags can have a default in a file.
    pub fn has_defaults(&self) -> bool {
        !matches!(self, Self::Completions(_) | Self::Man(_))
    }
}

/// What every command that runs cases has in common.
#[derive(Debug, Clone, Args)]
pub struct JobArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: Select,
    /// How they are run.
    #[command(flatten)]
    pub run: RunArgs,
    /// What is written where.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Which engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Arguments of `reproduce`.
#[derive(Debug, Clone, Args)]
pub struct Reproduce {
    /// What is run, and how.
    #[command(flatten)]
    pub job: JobArgs,
}

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// Images to judge, e.g. release:0.17.0, source:., docker:REF
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// Expect every case in this column, whatever the release; deviations on record excuse nothing then
    #[arg(long, value_name = "COLUMN", value_enum)]
    pub expect: Option<ColumnArg>,
    /// What the exit codes mean: `bisect` is for `git bisect run`, and expects the fixed column unless --expect says
    /// otherwise
    #[arg(long, value_name = "STYLE", value_enum, default_value = "plain")]
    pub exit_style: ExitStyleArg,
    /// What is run, and how.
    #[command(flatten)]
    pub job: JobArgs,
}

/// Arguments of `scenarios`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Examples:\n  comeback scenarios\n  comeback scenarios --filter 'issue(#42675)'\n  \
                        comeback scenarios explain docker-restart\n  comeback scenarios operations"
)]
pub struct Scenarios {
    /// What to show; the list by default.
    #[command(subcommand)]
    pub command: Option<ScenariosCommand>,
    /// Which scenarios.
    #[command(flatten)]
    pub select: Select,
}

/// What to show of the scenarios.
#[derive(Debug, Clone, Subcommand)]
pub enum ScenariosCommand {
    /// List the scenarios, one line each
    List(Select),
    /// Tell what a scenario does, why, and what it expects
    Explain {
        /// The scenario's id
        #[arg(value_name = "ID")]
        id: String,
        /// Scenario files to add to the ones built in, or to replace them by id
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// List the operations a scenario can use
    Operations,
    /// List the probes a scenario can expect values of
    Probes,
}

/// Arguments of `sweep`.
#[derive(Debug, Clone, Args)]
pub struct Sweep {
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Only what that run left behind; its id is in its progress, its report and its JSON
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Wait, out of the terminal's reach, until whoever started this is gone without a word; then look until nothing more
    /// turns up. Every run starts one of these as its watchdog
    #[arg(long, hide = true, requires = "run", conflicts_with = "dry_run")]
    pub watchdog: bool,
    /// Which engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}
