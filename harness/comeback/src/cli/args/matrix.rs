//! Arguments of `matrix`.

use clap::Args;

use super::JobArgs;

/// The help of `matrix`.
pub(super) const HELP: &str = "\
Runs the table on every release that has a container reconciler (0.15.0 to the newest on PyPI): the whole table on the \
default base, and the core scenarios on the other bases. If IMAGEs are given, it runs the whole table on those instead.

Results are cached. The key is a hash of the image's build inputs, of the package versions measured in it and of the \
scenario. So a new release costs one column, and a run that was cut short goes on where it stopped. Inconclusive cases and \
errors of the engine are not cached.

Examples:
  comeback matrix
  comeback matrix --output markdown=matrix.md --output html=matrix.html
  comeback matrix release:0.17.0@trixie release:latest --filter 'tag(restart)'";

/// Arguments of `matrix`.
#[derive(Debug, Clone, Args)]
pub struct Matrix {
    /// Images to run [default: every release on every base]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Run everything again and ignore the cached results
    #[arg(long)]
    pub fresh: bool,
    /// Arguments of every command that runs cases.
    #[command(flatten)]
    pub job: JobArgs,
}
