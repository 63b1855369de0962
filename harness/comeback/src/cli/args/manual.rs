//! Arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;

/// The help of `completions`.
pub(super) const COMPLETIONS_HELP: &str = "\
Examples:
  comeback completions bash > ~/.local/share/bash-completion/completions/comeback
  comeback completions zsh > ~/.zfunc/_comeback
  comeback completions fish > ~/.config/fish/completions/comeback.fish";

/// The help of `man`.
pub(super) const MAN_HELP: &str = "\
Examples:
  comeback man | man -l -
  comeback man images build | man -l -
  comeback man --into ~/.local/share/man/man1";

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Clone, Args)]
pub struct Man {
    /// Write all pages to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub into: Option<PathBuf>,
    /// Print the page of this command [default: the page of comeback itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}
