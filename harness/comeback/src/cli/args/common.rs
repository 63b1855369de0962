//! Arguments that several commands share.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::values::{duration, from_one, partition};
use clap::{ArgAction, Args, ValueEnum};
use comeback_plan::Partition;

/// The selection of scenarios.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct Select {
    /// Select the scenarios that match: an id (* matches any text), tag(), issue(), release() or id(), combined with not,
    /// and, or and parentheses
    #[arg(long, env = "COMEBACK_FILTER", hide_env = true, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Folder of scenario files to add to the built-in ones; a file replaces the built-in scenario of the same id
    #[arg(long, env = "COMEBACK_SCENARIOS", hide_env = true, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
}

/// How cases are run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Number of cases to run in parallel [default and most: two for each of the engine's processors]
    #[arg(long, short = 'j', env = "COMEBACK_JOBS", hide_env = true, value_name = "N", value_parser = from_one::<NonZeroUsize>)]
    pub jobs: Option<NonZeroUsize>,
    /// Number of times to run every case
    #[arg(
        long,
        env = "COMEBACK_REPEAT",
        hide_env = true,
        value_name = "N",
        default_value = "1",
        value_parser = from_one::<NonZeroU32>
    )]
    pub repeat: NonZeroU32,
    /// Run only one shard of the plan, e.g. slice:2/3 (cases are dealt out in turn) or hash:2/3 (a case stays in its shard
    /// when others are added). `comeback merge` makes one run of all shards. With slice:auto or hash:auto, K and N come from
    /// the CI server's environment
    #[arg(long, env = "COMEBACK_PARTITION", hide_env = true, value_name = "BY:K/N", value_parser = partition)]
    pub partition: Option<Partition>,
    /// The seed.
    #[command(flatten)]
    pub seed: SeedArg,
    /// Time limit of a case, e.g. 90s or 5m. A wait for a boot or a start may take a quarter of it
    #[arg(long, env = "COMEBACK_TIMEOUT", hide_env = true, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,
    /// Start no more cases after the first regression or mismatch
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
    /// Image of the observer, which watches the volume: the image under test, or the base image, which a dishonest image
    /// cannot tamper with
    #[arg(
        long,
        env = "COMEBACK_OBSERVER",
        hide_env = true,
        value_name = "IMAGE",
        value_enum,
        default_value = "image"
    )]
    pub observer: ObserverFrom,
    /// Keep the container and volume of these cases for inspection; the run prints how to inspect and how to remove them
    #[arg(long, env = "COMEBACK_KEEP", hide_env = true, value_name = "WHEN", value_enum)]
    pub keep: Option<Keep>,
    /// Stop the first case that differs at the moment it does: its container is frozen and kept, no other case begins, and the
    /// run prints how to look inside, to let it go on, and to remove it
    #[arg(
        long,
        env = "COMEBACK_STOP_AT",
        hide_env = true,
        value_name = "MOMENT",
        value_enum,
        conflicts_with = "keep"
    )]
    pub stop_at: Option<StopAt>,
}

/// Where a case stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StopAt {
    /// Where something that was read is not as expected
    FirstDifference,
}

/// The seed of a run.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SeedArg {
    /// Number from which a run draws the moments of steps that end a live gateway, and the sequences of `explore`; the same
    /// seed draws the same again [default: a new one for each run]
    #[arg(long, env = "COMEBACK_SEED", hide_env = true, value_name = "N")]
    pub seed: Option<u64>,
}

/// The engine, and whether anything may be fetched.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Engine to use: `auto` is Docker, or Podman if there is no sign of Docker
    #[arg(
        long,
        env = "COMEBACK_ENGINE",
        hide_env = true,
        value_name = "ENGINE",
        value_enum,
        default_value = "auto"
    )]
    pub engine: EngineKind,
    /// Address of the engine, e.g. unix:///run/docker.sock [default: the one that the docker or podman command uses]
    #[arg(long, env = "COMEBACK_HOST", hide_env = true, value_name = "URL")]
    pub host: Option<String>,
    /// Fetch nothing; use only images and packages that are there
    #[arg(long, env = "COMEBACK_OFFLINE", hide_env = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    #[arg(
        default_missing_value = "true",
        default_value = "false",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub offline: bool,
    /// Command that restarts the engine's daemon, for scenarios with daemon-restart. It ends everything on that engine
    #[arg(long, env = "COMEBACK_DAEMON_RESTART", hide_env = true, value_name = "COMMAND")]
    pub daemon_restart: Option<String>,
}

/// How progress and messages are shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Messages")]
pub struct TerminalArgs {
    /// When to use colours; `auto` respects NO_COLOR
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
    /// Print every observation as it is made; -vv also prints what the harness does
    #[arg(long, short = 'v', action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print no progress
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

/// The engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EngineKind {
    /// Docker, or Podman if there is no sign of Docker
    #[default]
    Auto,
    /// Docker
    Docker,
    /// Podman, through its service (`podman system service`)
    Podman,
}

/// The image of the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ObserverFrom {
    /// The image under test
    #[default]
    Image,
    /// The base image that comeback made, with its own Python
    Base,
}

/// The cases whose containers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Cases that are not as expected
    OnFailure,
}

/// The meaning of the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExitStyleArg {
    /// As in the table of exit codes
    Plain,
    /// 0 good, 1 bad, 125 inconclusive or cannot be built, 128 and up: stop bisecting
    Bisect,
}

/// A column of the behaviour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColumnArg {
    /// The behaviour of releases with the fix
    Fixed,
    /// The behaviour of releases without the fix
    Regressed,
}
