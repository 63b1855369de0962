//! Commands: from parsed arguments to an exit code. What a command prints goes to stdout, what it tells goes to stderr.

mod alive;
mod behind;
pub mod cases;
mod compare;
mod desk;
mod doctor;
mod explore;
#[cfg(test)]
mod faults;
mod gate;
mod guarded;
mod image_store;
mod images;
mod interrupt;
mod job;
mod judge;
mod logging;
mod manual;
mod matrix;
mod merge;
mod own_volume;
mod prune;
mod reports;
mod scenarios;
mod select;
mod selftest;
mod session;
mod sweep;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::args::{Cli, Command, ScenariosCommand, Talk};
use crate::cli::progress::Progress;
use crate::cli::{self, Failure, FailureKind};
use crate::engine::{Address, NoAddress, locate};
use crate::redact;
use crate::verdict::ExitStyle;

pub use gate::{REFERENCES, reference_column};

/// Runs a command in a runtime of its own.
pub fn main(cli: Cli, arguments: Vec<OsString>) -> ExitCode {
    // Before there is a runtime: what only waits is not to cost anything.
    if matches!(&cli.command, Command::Sweep(args) if args.behind) && !behind::outlive() {
        return ExitCode::SUCCESS;
    }
    let address = cli
        .command
        .engine()
        .map(|engine| locate(engine.engine.into(), engine.host.as_deref()));
    if let Some(Ok(address)) = &address {
        point_at(address);
    }
    let arguments = arguments.iter().map(|a| redact::text(&a.to_string_lossy())).collect();
    let talk = cli.talk.clone();
    let style = cli.command.exit_style();
    let code = std::panic::catch_unwind(|| in_runtime(cli, arguments, address));
    let code = code.unwrap_or_else(|_| {
        // What it was has been printed where it happened.
        let why = "it panicked".to_owned();
        end(&Failure::new(FailureKind::Internal { why }), &talk, style)
    });
    ExitCode::from(code)
}

fn in_runtime(cli: Cli, arguments: Vec<String>, address: Option<Result<Address, NoAddress>>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let why = format!("no runtime: {error}");
            return end(
                &Failure::new(FailureKind::Internal { why }),
                &cli.talk,
                cli.command.exit_style(),
            );
        }
    };
    let code = runtime.block_on(run(cli, arguments, address));
    // What is still reading from the engine need not come to its end.
    runtime.shutdown_background();
    code
}

/// Runs a command to its exit code; whatever ended it without a verdict has been printed.
///
/// `address` is the engine's, and who named it, where the command talks to one.
pub async fn run(cli: Cli, arguments: Vec<String>, address: Option<Result<Address, NoAddress>>) -> u8 {
    let progress = Arc::new(Progress::new(&cli.talk));
    logging::start(&cli.talk, &progress);
    interrupt::answer(&progress);
    if let Some(path) = &cli.defaults {
        tracing::info!("defaults from {}", path.display());
    }
    let caller = Caller {
        talk: cli.talk,
        arguments,
        address,
        progress,
        exit_style: cli.command.exit_style(),
    };
    let (talk, style) = (caller.talk.clone(), caller.exit_style);
    match dispatch(cli.command, caller).await {
        Ok(code) => code,
        Err(failure) => end(&failure, &talk, style),
    }
}

/// The end of a command without a verdict.
fn end(failure: &Failure, talk: &Talk, style: ExitStyle) -> u8 {
    tell_failure(failure, talk);
    failure.code(style)
}

/// testcontainers finds its engine through the environment alone, and docker's own tools do as it says.
#[allow(unsafe_code)]
fn point_at(address: &Address) {
    // SAFETY: called before the runtime is made: no other thread exists that could read the environment.
    unsafe {
        std::env::set_var("DOCKER_HOST", &address.url);
        if let Some(folder) = &address.certificates {
            std::env::set_var("DOCKER_TLS_VERIFY", "1");
            std::env::set_var("DOCKER_CERT_PATH", folder);
        }
    }
}

/// Who called, and how to talk to them.
#[derive(Clone)]
struct Caller {
    talk: Talk,
    /// The whole command line.
    arguments: Vec<String>,
    /// The engine's address, and who named it, where the command talks to one.
    address: Option<Result<Address, NoAddress>>,
    progress: Arc<Progress>,
    /// What exit codes mean to them.
    exit_style: ExitStyle,
}

async fn dispatch(command: Command, caller: Caller) -> Result<u8, Failure> {
    let style = caller.exit_style;
    let exit = match command {
        Command::Judge(args) => return judge::judge(&args, &caller),
        Command::Merge(args) => return merge::merge(&args, &caller),
        Command::Reproduce(args) => gate::reproduce(args, caller).await,
        Command::Check(args) => gate::check(args, caller).await,
        Command::Compare(args) => compare::compare(args, caller).await,
        Command::Matrix(args) => matrix::matrix(args, caller).await,
        Command::Explore(args) => explore::explore(args, caller).await,
        Command::Images(args) => image_store::run(args.command, caller.progress).await,
        Command::Selftest(args) => selftest::selftest(args, caller).await,
        Command::Doctor(args) => doctor::doctor(args, caller).await,
        Command::Sweep(args) => sweep::sweep(args).await,
        Command::Completions(args) => manual::completions(args.shell),
        Command::Man(args) => manual::man(&args),
        Command::Scenarios(args) => match args.command {
            None => scenarios::list(&args.select),
            Some(ScenariosCommand::List(select)) => scenarios::list(&select),
            Some(ScenariosCommand::Explain { id, scenarios }) => scenarios::explain(&id, scenarios.as_deref()),
            Some(ScenariosCommand::Operations) => scenarios::operations(),
            Some(ScenariosCommand::Probes) => scenarios::probes(),
        },
    };
    exit.map(|exit| style.judged(exit))
}

/// Says on stderr why a command ended without a verdict.
fn tell_failure(failure: &Failure, talk: &Talk) {
    use std::io::Write as _;
    let mut err = std::io::stderr().lock();
    // Nothing can be done about a stderr that is closed; the exit code says enough.
    let _ = err.write_all(failure.render(cli::style(talk.color, &std::io::stderr())).as_bytes());
}

/// Writes to stdout. A reader that has gone away is no fault of ours.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| {
        if text.ends_with('\n') {
            Ok(())
        } else {
            out.write_all(b"\n")
        }
    });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(FailureKind::Io {
            path: "stdout".into(),
            why: error.to_string(),
        })),
        _ => Ok(()),
    }
}
