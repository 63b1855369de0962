//! Arguments of `matrix`.

use clap::Args;

use super::JobArgs;

/// Its help.
pub(super) const HELP: &str = "\
Runs every release with a container reconciler (0.15.0 to the newest on PyPI) against the table: the whole of it on the \
default base, the core on every other one. With IMAGEs, the whole table on each of those.

What was seen once is kept, by a hash of the image's build inputs, of the package versions measured in it, and of the \
scenario: a new release costs one column, and a run that was cut short goes on where it was. Evidence that is missing is not \
kept, nor what an engine failed to do.

Examples:
  comeback matrix
  comeback matrix --output markdown=matrix.md --output html=matrix.html
  comeback matrix release:0.17.0@trixie release:latest --filter 'tag(restart)'";

/// Arguments of `matrix`.
#[derive(Debug, Clone, Args)]
pub struct Matrix {
    /// The columns [default: every release, on every base]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Run everything again, whatever is kept
    #[arg(long)]
    pub fresh: bool,
    /// What is run, and how.
    #[command(flatten)]
    pub job: JobArgs,
}
