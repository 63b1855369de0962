//! Arguments of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::{ExitStyleArg, JobArgs};

/// Its help.
pub(super) const HELP: &str = "\
Runs the same scenarios on both images and takes OLD as the reference: what held there and does not on NEW is introduced, \
the other way round it is repaired, what held on neither is pre-existing, or changed if something else was seen. Exit 1 is \
for what NEW introduces or loses, and for nothing else, unless --count-pre-existing says so.

OLD and NEW are images as of `check`, one each.

Examples:
  comeback compare release:0.17.0 source:.
  comeback compare release:0.17.0 release:latest --filter 'not tag(upgrade)'
  comeback compare docker:gateway:main docker:gateway:pr-12 --format json
  comeback compare release:0.17.0 release:0.19.0 --seed-from /srv/hermes   what an upgrade does to this very volume";

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// The reference, e.g. release:0.17.0
    #[arg(value_name = "OLD")]
    pub old: String,
    /// What is judged against it, e.g. source:.
    #[arg(value_name = "NEW")]
    pub new: String,
    /// What holds on neither image counts too: exit 1
    #[arg(long)]
    pub count_pre_existing: bool,
    /// Compare on copies of this volume ($HERMES_HOME of your own, /opt/data in its container) instead of the table:
    /// what a restart does to its profiles, and what recreating the container with NEW does. It is only read
    #[arg(long, value_name = "DIR", conflicts_with_all = ["filter", "scenarios"])]
    pub seed_from: Option<PathBuf>,
    /// What the exit codes mean: `bisect` is for `git bisect run`
    #[arg(long, value_name = "STYLE", value_enum, default_value = "plain")]
    pub exit_style: ExitStyleArg,
    /// What is run, and how.
    #[command(flatten)]
    pub job: JobArgs,
}
