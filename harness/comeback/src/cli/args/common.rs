//! Arguments that several commands have.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::values::{duration, from_one, partition};
use clap::{ArgAction, Args, ValueEnum};
use comeback_plan::Partition;

/// Which scenarios.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct Select {
    /// Run only the scenarios that match: an id (* is a glob), tag(), issue(), release() or id(), combined with not, and,
    /// or and parentheses
    #[arg(long, env = "COMEBACK_FILTER", hide_env = true, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Scenario files to add to the ones built in, or to replace them by id
    #[arg(long, env = "COMEBACK_SCENARIOS", hide_env = true, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
}

/// How cases are run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Cases at the same time [default: as many as the engine's processors bear]
    #[arg(long, short = 'j', env = "COMEBACK_JOBS", hide_env = true, value_name = "N", value_parser = from_one::<NonZeroUsize>)]
    pub jobs: Option<NonZeroUsize>,
    /// Run every case that many times
    #[arg(
        long,
        env = "COMEBACK_REPEAT",
        hide_env = true,
        value_name = "N",
        default_value = "1",
        value_parser = from_one::<NonZeroU32>
    )]
    pub repeat: NonZeroU32,
    /// Run only one shard of the plan, e.g. slice:2/3 (dealt out in turn) or hash:2/3 (a case stays where it is when others
    /// are added); `comeback merge` makes one run of all shards. With slice:auto or hash:auto, K and N are the CI server's
    #[arg(long, env = "COMEBACK_PARTITION", hide_env = true, value_name = "BY:K/N", value_parser = partition)]
    pub partition: Option<Partition>,
    /// What is drawn follows from it.
    #[command(flatten)]
    pub seed: SeedArg,
    /// Longest a case may take, e.g. 90s or 5m
    #[arg(long, env = "COMEBACK_TIMEOUT", hide_env = true, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,
    /// Start no further case after the first regression or mismatch
    #[arg(long, env = "COMEBACK_FAIL_FAST", hide_env = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    #[arg(
        default_missing_value = "true",
        default_value = "false",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub fail_fast: bool,
    /// Print the plan and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// From which image the observer runs, which watches the volume: the one under test, or our own base, which an image that
    /// lies cannot reach
    #[arg(
        long,
        env = "COMEBACK_OBSERVER",
        hide_env = true,
        value_name = "IMAGE",
        value_enum,
        default_value = "image"
    )]
    pub observer: ObserverFrom,
    /// Keep container and volume of these cases to look at; how to look and how to remove them is said
    #[arg(long, env = "COMEBACK_KEEP", hide_env = true, value_name = "WHEN", value_enum)]
    pub keep: Option<Keep>,
}

/// What is drawn in a run follows from it.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SeedArg {
    /// What is drawn follows from it: at which moment a step that ends a live gateway begins, and the sequences of `explore`.
    /// The same seed draws the same again [default: another one each time]
    #[arg(long, env = "COMEBACK_SEED", hide_env = true, value_name = "N")]
    pub seed: Option<u64>,
}

/// Which engine, and what it may fetch.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Which engine: `auto` is docker's, or where there is no sign of one, podman's
    #[arg(
        long,
        env = "COMEBACK_ENGINE",
        hide_env = true,
        value_name = "ENGINE",
        value_enum,
        default_value = "auto"
    )]
    pub engine: EngineKind,
    /// The engine's address, e.g. unix:///run/docker.sock [default: as the docker or podman command finds it]
    #[arg(long, env = "COMEBACK_HOST", hide_env = true, value_name = "URL")]
    pub host: Option<String>,
    /// Fetch nothing: use only images and packages that are there
    #[arg(long, env = "COMEBACK_OFFLINE", hide_env = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    #[arg(
        default_missing_value = "true",
        default_value = "false",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub offline: bool,
}

/// How progress and messages are shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Messages")]
pub struct TerminalArgs {
    /// When to use colours; NO_COLOR is honoured
    #[arg(
        long,
        env = "COMEBACK_COLOR",
        hide_env = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto"
    )]
    #[arg(global = true)]
    pub color: ColorWhen,
    /// Tell more: every observation as it is made; twice also what the harness does
    #[arg(long, short = 'v', action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Tell nothing while it runs
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal
    #[default]
    Auto,
    /// Also in files and pipes
    Always,
    /// Not at all
    Never,
}

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EngineKind {
    /// Docker's, or where there is no sign of one, podman's
    #[default]
    Auto,
    /// Docker
    Docker,
    /// Podman, through its service (`podman system service`)
    Podman,
}

/// From which image the observer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ObserverFrom {
    /// The image under test
    #[default]
    Image,
    /// Our own base image, whose Python nobody else has touched
    Base,
}

/// Which cases' containers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Those of every case that is not as expected
    OnFailure,
}

/// What exit codes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExitStyleArg {
    /// As in the table of exit codes
    Plain,
    /// 0 good, 1 bad, 125 cannot be told or built, 128 and up: stop bisecting
    Bisect,
}

/// A column of the behaviour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColumnArg {
    /// As releases with the fix behave
    Fixed,
    /// As releases without it behave
    Regressed,
}
