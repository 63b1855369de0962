//! The command line: arguments, exit codes, how errors read, and the progress display.

pub mod args;
mod defaults;
pub mod error;
pub mod progress;
mod values;

use std::ffi::OsString;
use std::io::{IsTerminal, Write as _};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

pub use args::Cli;
pub use error::{Failure, FailureKind};

pub use crate::verdict::exit::{Exit, ExitStyle};

/// Columns assumed where the output is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Parses the arguments of the process, with the defaults of the nearest file where the command has any.
///
/// # Errors
///
/// The exit code to end with, after the text has been printed: 0 for `--help` and `--version`, 64 for wrong usage
/// (clap's own 2 means something else here) and for a file of defaults that is wrong, or what stops `git bisect` where it
/// was asked for.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, u8> {
    // A mistyped flag must not read as a bad commit.
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
    // Help, and mistakes in the arguments themselves, are not kept from anybody by a file.
    let cli = Cli::try_parse_from(&arguments).map_err(|error| usage(&error))?;
    if !cli.command.has_defaults() {
        return Ok(cli);
    }
    let found = defaults::nearest().map_err(|failure| {
        let style = style(cli.talk.color, &std::io::stderr());
        // Nothing can be done about a closed stderr, and the exit code says enough.
        let _ = std::io::stderr().write_all(failure.render(style).as_bytes());
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
    // As above.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Held,
        _ => Exit::Usage,
    }
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

/// For tests that look at every variant of an error: `NAMES` of the variants, and `name_of` one. A variant that is not listed
/// does not compile.
#[cfg(test)]
macro_rules! variants {
    ($kind:ident: $($variant:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($variant)),+];

        fn name_of(error: &$kind) -> &'static str {
            match error {
                $($kind::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}
#[cfg(test)]
pub(crate) use variants;

#[cfg(test)]
mod tests;
