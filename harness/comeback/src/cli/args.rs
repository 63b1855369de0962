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
    ColorWhen, ColumnArg, EngineArgs, EngineKind, ExitStyleArg, Keep, ObserverFrom, RunArgs, SeedArg, Select, StopAt,
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

Boots the real image of the hermes-agent gateway and does to it what operators and engines do (docker restart, a bare \
SIGTERM, `hermes gateway stop`, …). Then it judges the persisted state and the decision of the next boot against a table \
of fixed and regressed behaviour.";

const EXAMPLES: &str = "\
Examples:
  comeback reproduce                           shows issue #42675, and its fix
  comeback check source:.                      judges a checkout of hermes-agent
  comeback check release:0.17.0 --format json  judges a release, and prints JSON
  comeback scenarios explain docker-restart    says what a scenario does and expects";

const REPRODUCE_HELP: &str = "\
Builds the gateway images of 0.16.0 (has the bug) and 0.17.0 (has the fix) and runs the core scenarios on both. The report \
shows the observed values beside both columns of the table. The first image is expected to be regressed and the second to \
be fixed. Scenarios that hold on every release are expected to hold on both.

Examples:
  comeback reproduce
  comeback reproduce --filter docker-restart --keep on-failure
  comeback reproduce --format json > run.json";

const CHECK_HELP: &str = "\
An IMAGE is one of
  release:VERSION      a release of hermes-agent on PyPI, such as release:0.17.0, or release:latest
  pypi:NAME==VERSION   another distribution on PyPI that ships the gateway
  source:PATH          a checkout or an unpacked sdist of hermes-agent
  source:PATH#REVISION a branch, tag or commit of that repository, without touching the checkout
  docker:REF           an existing image, pulled if absent; it keeps its entrypoint, not its command
  dockerfile:PATH      an image built from that Dockerfile
comeback builds the images of the first four. A suffix names their base: @bookworm, @trixie,
@forky-s6 or @forky. Without one, a release is installed on @trixie, and a tree on the base that
its own Dockerfile and requires-python ask for.

The expectation follows from the image's release, unless --expect is given.

Examples:
  comeback check source:.
  comeback check release:0.16.0 --expect fixed --filter docker-restart
  comeback check docker:ghcr.io/me/gateway:pr-12 --filter 'tag(core) and not id(oom*)'
  comeback check release:0.16.0 release:0.17.0 --repeat 5 --fail-fast
  git bisect run comeback check source:. --filter docker-restart --exit-style bisect";

/// The version, with the commit if it is known.
const VERSION: &str = match option_env!("COMEBACK_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The table of exit codes, for the help of the commands that end with a verdict.
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
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
    /// How progress and messages are shown.
    #[command(flatten)]
    pub terminal: TerminalArgs,
    /// The file that the defaults were read from, if any.
    #[arg(skip)]
    pub defaults: Option<PathBuf>,
}

/// A command.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show issue #42675 on the release before its fix and on the release with it
    #[command(after_help = REPRODUCE_HELP, after_long_help = format!("{REPRODUCE_HELP}\n\n{}", exit_codes()))]
    Reproduce(Reproduce),
    /// Judge images against the behaviour table
    #[command(after_help = CHECK_HELP, after_long_help = format!("{CHECK_HELP}\n\n{}", exit_codes()))]
    Check(Check),
    /// Report what NEW introduces and repairs against OLD: the gate for a change
    #[command(after_help = compare::HELP, after_long_help = format!("{}\n\n{}", compare::HELP, exit_codes()))]
    Compare(Compare),
    /// Run the table on every release, and cache the results
    #[command(after_help = matrix::HELP, after_long_help = format!("{}\n\n{}", matrix::HELP, exit_codes()))]
    Matrix(Matrix),
    /// Generate sequences of operations, and shrink those that break the rule
    #[command(after_help = explore::HELP, after_long_help = format!("{}\n\n{}", explore::HELP, exit_codes()))]
    Explore(Explore),
    /// Judge the record of a run again, without an engine, and render any report
    #[command(after_help = reports::JUDGE_HELP, after_long_help = format!("{}\n\n{}", reports::JUDGE_HELP, exit_codes()))]
    Judge(Judge),
    /// Merge the shards of a partitioned run into one run, and judge it
    #[command(after_help = reports::MERGE_HELP, after_long_help = format!("{}\n\n{}", reports::MERGE_HELP, exit_codes()))]
    Merge(Merge),
    /// Break the gateway on purpose, and check that the scenarios catch each fault
    #[command(after_help = selftest::HELP, after_long_help = format!("{}\n\n{}", selftest::HELP, exit_codes()))]
    Selftest(Selftest),
    /// List and explain scenarios
    Scenarios(Scenarios),
    /// Build, list and prune the images that comeback builds
    #[command(
        after_help = "Examples:\n  comeback images build release:0.17.0 release:0.17.0@trixie\n  \
                            comeback images list\n  comeback images prune --older-than 7d"
    )]
    Images(Images),
    /// Check everything a run needs, and say how to fix what is missing
    #[command(after_help = doctor::HELP, after_long_help = doctor::HELP)]
    Doctor(Doctor),
    /// Remove the containers, volumes and networks that killed runs left
    #[command(
        after_help = "Removes only what a run of comeback created, and nothing of runs that are still going on.\n\n\
                      Examples:\n  comeback sweep\n  comeback sweep --dry-run\n  comeback sweep --run 20261123171806-aad34-5fe7"
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

    /// True if any flag of the command can have a default in a file.
    pub fn has_defaults(&self) -> bool {
        !matches!(self, Self::Completions(_) | Self::Man(_))
    }
}

/// Arguments of every command that runs cases.
#[derive(Debug, Clone, Args)]
pub struct JobArgs {
    /// The scenarios to run.
    #[command(flatten)]
    pub select: Select,
    /// How they are run.
    #[command(flatten)]
    pub run: RunArgs,
    /// The reports and the record.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Arguments of `reproduce`.
#[derive(Debug, Clone, Args)]
pub struct Reproduce {
    /// Arguments of every command that runs cases.
    #[command(flatten)]
    pub job: JobArgs,
}

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// Images to judge, e.g. release:0.17.0, source:., docker:REF
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// Expect this column of every case, whatever the image's release; known deviations are not accepted then
    #[arg(long, value_name = "COLUMN", value_enum)]
    pub expect: Option<ColumnArg>,
    /// Meaning of the exit codes: `bisect` is for `git bisect run`, and expects the fixed column unless --expect is given
    #[arg(long, value_name = "STYLE", value_enum, default_value = "plain")]
    pub exit_style: ExitStyleArg,
    /// Arguments of every command that runs cases.
    #[command(flatten)]
    pub job: JobArgs,
}

/// Arguments of `scenarios`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Examples:\n  comeback scenarios\n  comeback scenarios --filter 'issue(#42675)'\n  \
                        comeback scenarios explain docker-restart\n  comeback scenarios keys"
)]
pub struct Scenarios {
    /// What to show; the list by default.
    #[command(subcommand)]
    pub command: Option<ScenariosCommand>,
    /// The scenarios to list.
    #[command(flatten)]
    pub select: Select,
}

/// A subcommand of `scenarios`.
#[derive(Debug, Clone, Subcommand)]
pub enum ScenariosCommand {
    /// List the scenarios, one line each
    List(Select),
    /// Say what a scenario does and why, and what it expects
    Explain {
        /// The scenario's id
        #[arg(value_name = "ID")]
        id: String,
        /// Folder of scenario files to add to the built-in ones; a file replaces the built-in scenario of the same id
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// List the keys of a scenario file, with the smallest file
    Keys,
    /// List the operations that a scenario can use
    Operations,
    /// List the probes that a scenario can expect values of
    Probes,
}

/// Arguments of `sweep`.
#[derive(Debug, Clone, Args)]
pub struct Sweep {
    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Remove only what this run left; its id is in its progress, its report and its JSON
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Run as the watchdog of a run: wait, detached from the terminal, until the run's process is gone. If it ended without
    /// cleaning up, sweep until nothing more turns up
    #[arg(long, hide = true, requires = "run", conflicts_with = "dry_run")]
    pub watchdog: bool,
    /// The engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}
