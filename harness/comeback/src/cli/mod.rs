//! The command line: arguments, their defaults from a file, and errors in both.

pub mod args;
mod convert;
mod defaults;
mod values;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

pub use args::Cli;
use comeback_commands::options::Terminal;
use comeback_commands::print_failure;

pub use comeback_verdict::exit::{Exit, ExitStyle};

/// Parses the arguments of the process, with the defaults of the nearest file if the command has any.
///
/// # Errors
///
/// The exit code to end with; the text has been printed. It is 0 for `--help` and `--version`, and 64 for wrong usage or a
/// bad file of defaults (clap's own code 2 means *inconclusive* here). With `--exit-style bisect`, errors get a code that
/// stops `git bisect`.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, u8> {
    // Clap has not parsed the style yet. A mistyped flag must not count as a bad commit.
    let bisects = arguments.iter().any(|word| {
        let word = word.to_string_lossy();
        word == "bisect" || word == "--exit-style=bisect"
    });
    let style = if bisects { ExitStyle::Bisect } else { ExitStyle::Plain };
    with_defaults(arguments).map_err(|exit| match exit {
        Exit::Held => exit.code(),
        _ => style.failed(exit, false),
    })
}

fn with_defaults(arguments: Vec<OsString>) -> Result<Cli, Exit> {
    // Without the file first: a bad file must not hide the help, or an error in the arguments.
    let cli = Cli::try_parse_from(&arguments).map_err(|error| usage(&error))?;
    if !cli.command.has_defaults() {
        return Ok(cli);
    }
    let found = defaults::nearest().map_err(|failure| {
        print_failure(&failure, &Terminal::from(&cli.terminal));
        failure.exit()
    })?;
    let Some(found) = found else {
        return Ok(cli);
    };
    let parsed = found.apply(Cli::command()).try_get_matches_from(arguments);
    let mut cli = parsed
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|error| usage(&error))?;
    cli.defaults = Some(found.path);
    Ok(cli)
}

fn usage(error: &clap::Error) -> Exit {
    // If stderr is closed, the exit code has to be enough.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Held,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests;
