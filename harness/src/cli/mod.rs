//! The command line: arguments, exit codes, how errors read, and the progress display.

pub mod args;
pub mod error;
pub mod progress;
mod values;

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use args::Cli;
pub use error::{Failure, FailureKind};

pub use crate::verdict::exit::{Exit, ExitStyle};

/// Columns assumed where the output is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Parses the arguments of the process.
///
/// # Errors
///
/// The exit code to end with, after the text has been printed: 0 for `--help` and `--version`, 64 for wrong usage
/// (clap's own 2 means something else here), or what stops `git bisect` where it was asked for.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, u8> {
    // A mistyped flag must not read as a bad commit.
    let bisects = arguments.iter().any(|word| {
        let word = word.to_string_lossy();
        word == "bisect" || word == "--exit-style=bisect"
    });
    let style = if bisects { ExitStyle::Bisect } else { ExitStyle::Plain };
    Cli::try_parse_from(arguments).map_err(|error| {
        // Nothing can be done about a closed stdout, and the exit code says enough.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Held.code(),
            _ => style.failed(Exit::Usage, false),
        }
    })
}

/// How text is laid out and painted on a stream: colour by `--color`, `NO_COLOR` and whether it is a terminal; its width.
pub fn style(color: args::ColorWhen, stream: &impl IsTerminal) -> crate::report::Style {
    let terminal = stream.is_terminal();
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let color = match color {
        args::ColorWhen::Always => true,
        args::ColorWhen::Never => false,
        args::ColorWhen::Auto => terminal && !refused && !dumb,
    };
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = terminal.then(terminal_width).flatten();
    let width = columns.or(measured).unwrap_or(DEFAULT_WIDTH).clamp(40, 160);
    crate::report::Style { color, width }
}

fn terminal_width() -> Option<usize> {
    let size = console::Term::stdout()
        .size_checked()
        .or_else(|| console::Term::stderr().size_checked());
    size.map(|(_, columns)| usize::from(columns))
        .filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests;
