//! Arguments of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::{ExitStyleArg, JobArgs};

/// The help of `compare`.
pub(super) const HELP: &str = "\
Runs the same scenarios on both images, with OLD as the reference. A scenario that holds on OLD only is introduced, and one \
that holds on NEW only is repaired. One that holds on neither image is pre-existing, or changed if the two behave \
differently. The exit code is 1 only for what NEW introduces or loses; --count-pre-existing counts the rest too.

OLD and NEW are image expressions, as `comeback check --help` lists them.

Examples:
  comeback compare release:0.17.0 source:.
  comeback compare release:0.17.0 release:latest --filter 'not tag(upgrade)'
  comeback compare docker:gateway:main docker:gateway:pr-12 --format json
  comeback compare --likeness docker:nousresearch/hermes-agent:0.19.0 release:0.19.0
  comeback compare release:0.17.0 release:0.19.0 --seed-from /srv/hermes   tests an upgrade on copies of a real volume";

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// Image to compare with, e.g. release:0.17.0
    #[arg(value_name = "OLD")]
    pub old: String,
    /// Image to judge, e.g. source:.
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Exit with 1 also for scenarios that hold on neither image
    #[arg(long)]
    pub count_pre_existing: bool,
    /// Compare how the images behave row by row, and what happens on both at the container's boot and end: how well does NEW
    /// stand for OLD? The exit code is 1 if a row has another value
    #[arg(long, conflicts_with_all = ["count_pre_existing", "seed_from"])]
    pub likeness: bool,
    /// Compare on copies of this volume (your own $HERMES_HOME, /opt/data in its container) instead of the table: a restart,
    /// and recreating the container with NEW. The volume itself is only read
    #[arg(long, value_name = "DIR", conflicts_with_all = ["filter", "scenarios"])]
    pub seed_from: Option<PathBuf>,
    /// Meaning of the exit codes: `bisect` is for `git bisect run`
    #[arg(long, value_name = "STYLE", value_enum, default_value = "plain")]
    pub exit_style: ExitStyleArg,
    /// Arguments of every command that runs cases.
    #[command(flatten)]
    pub job: JobArgs,
}
