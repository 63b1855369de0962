//! Commands: from parsed arguments to an exit code. What a command prints goes to stdout, what it tells goes to stderr.

mod gate;
mod image_store;
mod images;
mod interrupt;
mod job;
mod scenarios;
mod select;
mod selftest;
mod session;
mod sweep;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::args::{Cli, Command, ScenariosCommand};
use crate::cli::{self, Exit, Failure};

/// Runs a command in a runtime of its own.
pub fn main(cli: Cli, arguments: Vec<OsString>) -> ExitCode {
    if let Some(host) = cli.command.engine().and_then(|e| e.host.as_deref()) {
        point_at(host);
    }
    let arguments = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::from(Exit::Internal.code());
        }
    };
    let exit = runtime.block_on(run(cli, arguments));
    // What is still reading from the engine need not come to its end.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// testcontainers finds its engine through the environment alone.
#[allow(unsafe_code)]
fn point_at(host: &str) {
    // SAFETY: called before the runtime is made: no other thread exists that could read the environment.
    unsafe { std::env::set_var("DOCKER_HOST", host) };
}

/// Runs a command to its exit code; whatever ended it without a verdict has been printed.
pub async fn run(cli: Cli, arguments: Vec<String>) -> Exit {
    let style = cli::style(cli.talk.color, &std::io::stderr());
    match dispatch(cli, arguments).await {
        Ok(exit) => exit,
        Err(failure) => {
            eprintln!("{}", failure.render(style));
            failure.exit()
        }
    }
}

async fn dispatch(cli: Cli, arguments: Vec<String>) -> Result<Exit, Failure> {
    let talk = cli.talk.clone();
    match cli.command {
        Command::Reproduce(args) => gate::reproduce(args, talk, arguments).await,
        Command::Check(args) => gate::check(args, talk, arguments).await,
        Command::Images(args) => image_store::run(args.command, &talk).await,
        Command::Selftest(args) => selftest::selftest(args, talk, arguments).await,
        Command::Sweep(args) => sweep::sweep(args).await,
        Command::Scenarios(args) => match args.command {
            None => scenarios::list(&args.select),
            Some(ScenariosCommand::List(select)) => scenarios::list(&select),
            Some(ScenariosCommand::Explain { id, scenarios }) => scenarios::explain(&id, scenarios.as_deref()),
            Some(ScenariosCommand::Operations) => scenarios::operations(),
            Some(ScenariosCommand::Probes) => scenarios::probes(),
        },
    }
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
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(crate::cli::FailureKind::Io {
                path: "stdout".into(),
                why: error.to_string(),
            }))
        }
        _ => Ok(()),
    }
}
