//! Arguments of `selftest`.

use clap::Args;

use super::JobArgs;

/// The help of `selftest`.
pub(super) const HELP: &str = "\
Breaks one thing at a time in the real gateway of an image with a fault overlay, and runs the scenarios that have to catch \
the fault, or the whole table with --all. The same scenarios without an overlay are the control, and have to hold. A fault \
is caught if a scenario that holds without the overlay does not hold with it. An error or missing evidence catches nothing.

An image can have a fault already, and then its scenarios are red with and without the overlay. If that is on record, the \
overlay is \"masked\": the row that shows it is named, and the exit code is that of the others. If nothing at all was caught, \
it is 2.

Works with the images that comeback builds: release:…, pypi:… and source:….

Examples:
  comeback selftest
  comeback selftest release:0.19.0 --overlay signal-flag-never-set
  comeback selftest --all --filter 'tag(core)' --output json=selftest.json";

/// Arguments of `selftest`.
#[derive(Debug, Clone, Args)]
pub struct Selftest {
    /// Image to break
    #[arg(value_name = "IMAGE", default_value = "release:0.17.0@bookworm")]
    pub image: String,
    /// Use only this fault overlay; can be given several times
    #[arg(long, value_name = "NAME")]
    pub overlay: Vec<String>,
    /// Run every selected scenario with every overlay, not only those that have to catch it
    #[arg(long)]
    pub all: bool,
    /// Arguments of every command that runs cases.
    #[command(flatten)]
    pub job: JobArgs,
}
