//! Arguments of `selftest`.

use clap::Args;

use super::JobArgs;

/// Its help.
pub(super) const HELP: &str = "\
Breaks one thing at a time in the real gateway of an image, by a fault overlay, and runs the scenarios that have to catch \
it, or with --all the whole table. The same scenarios without an overlay are the control: they have to hold. A fault is \
caught if a scenario that holds without it does not hold with it; an error or missing evidence catches nothing.

Works with images that comeback builds: release:… and source:….

Examples:
  comeback selftest
  comeback selftest release:0.19.0 --overlay signal-flag-never-set
  comeback selftest --all --filter 'tag(core)' --output json=selftest.json";

/// Arguments of `selftest`.
#[derive(Debug, Clone, Args)]
pub struct Selftest {
    /// Image whose gateway is broken
    #[arg(value_name = "IMAGE", default_value = "release:0.17.0")]
    pub image: String,
    /// Only this fault overlay; can be given several times
    #[arg(long, value_name = "NAME")]
    pub overlay: Vec<String>,
    /// Every selected scenario against every overlay, not only those that have to catch it
    #[arg(long)]
    pub all: bool,
    /// What is run, and how.
    #[command(flatten)]
    pub job: JobArgs,
}
