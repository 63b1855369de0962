//! The command line of `comeback`: when a container restarts, does the service in it come back?
//!
//! This crate parses arguments and runs one of the commands of `comeback-commands`. Data flows one way: scenario files and
//! flags → `comeback-scenario` → `comeback-plan` → `comeback-runner` (with `comeback-engine` and `comeback-observe`) →
//! `comeback-record` → `comeback-verdict` → `comeback-report`. See `ARCHITECTURE.md`.
//!
//! [`main`] is the whole program:
//!
//! ```
//! use std::ffi::OsString;
//! use std::process::ExitCode;
//!
//! let arguments = ["comeback", "scenarios", "explain", "docker-restart"].map(OsString::from);
//! let code = comeback::main(arguments.to_vec());
//! assert_eq!(code, ExitCode::SUCCESS);
//! ```

pub mod cli;
mod manual;

use std::ffi::OsString;
use std::process::ExitCode;

use comeback_commands::options::Terminal;
use comeback_commands::{Caller, Failure, FailureKind, address, attend, is_needed, options, point_at, print_failure};
use comeback_verdict::ExitStyle;

use cli::args::Command;

/// Parses the arguments of a process, the program's name first, and runs the command in a runtime of its own.
///
/// Everything is printed, errors included. The result is one of the codes of [`cli::Exit`], or what `--exit-style` makes
/// of it.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match cli::parse(arguments.clone()) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let terminal = Terminal::from(&cli.terminal);
    let code = match (cli.command.options(), cli.command) {
        (Some(command), _) => run(command, terminal, &arguments, cli.defaults),
        (None, Command::Completions(args)) => about_itself(manual::completions(args.shell), terminal),
        (None, Command::Man(args)) => about_itself(manual::man(&args), terminal),
        (None, _) => about_itself(Err(internal("a command without options".to_owned())), terminal),
    };
    ExitCode::from(code)
}

/// Runs a command, and prints the error if it ends without a verdict.
fn run(
    command: options::Command,
    terminal: Terminal,
    arguments: &[OsString],
    defaults: Option<std::path::PathBuf>,
) -> u8 {
    if !is_needed(&command) {
        return 0;
    }
    let address = address(&command);
    if let Some(Ok(address)) = &address {
        // SAFETY: there is no runtime yet, and no other thread.
        #[allow(unsafe_code)]
        unsafe {
            point_at(address);
        }
    }
    let arguments: Vec<String> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let caller = Caller::new(&command, address, terminal, &arguments);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        in_runtime(command, caller.clone(), defaults)
    }));
    // The panic hook has printed the message.
    let outcome = outcome.unwrap_or_else(|_| Err(internal("it panicked".to_owned())));
    outcome.unwrap_or_else(|failure| caller.failed(failure))
}

fn in_runtime(command: options::Command, caller: Caller, defaults: Option<std::path::PathBuf>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        attend(&caller);
        if let Some(path) = &defaults {
            tracing::info!("defaults from {}", path.display());
        }
        comeback_commands::run(command, caller).await
    });
    // Some tasks may still be reading from the engine. Nobody needs the rest.
    runtime.shutdown_background();
    outcome
}

/// The exit code of a command about the command line itself.
fn about_itself(outcome: Result<(), Failure>, terminal: Terminal) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            print_failure(&failure, &terminal);
            failure.code(ExitStyle::Plain)
        }
    }
}

fn internal(why: String) -> Failure {
    Failure::new(FailureKind::Internal { why })
}
