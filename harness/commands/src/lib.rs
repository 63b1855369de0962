//! The commands of `comeback`. Each takes its options and returns an exit code. Data goes to stdout, progress and errors go to
//! stderr. This crate does not parse arguments, so any program can call a command:
//!
//! ```no_run
//! use comeback_commands::options::{Command, ScenariosCommand, Select, Terminal};
//! use comeback_commands::{Caller, address, run};
//!
//! # async fn list() -> Result<(), comeback_commands::Failure> {
//! let command = Command::Scenarios(ScenariosCommand::List(Select::default()));
//! let caller = Caller::new(&command, address(&command), Terminal::default(), &[]);
//! let code = run(command, caller).await?;
//! # Ok(())
//! # }
//! ```

mod active_runs;
pub mod cases;
mod compare;
mod doctor;
mod explore;
pub mod failure;
#[cfg(test)]
mod faults;
mod gate;
mod image_store;
mod images;
mod interrupt;
mod job;
mod judge;
mod logging;
mod matrix;
mod merge;
pub mod options;
pub mod progress;
mod prune;
mod reports;
mod resources;
mod run_guard;
mod run_output;
mod scenarios;
mod select;
mod selftest;
mod session;
mod style;
mod sweep;
mod trend_file;
mod user_volume;
mod watchdog;

use std::sync::Arc;

use comeback_engine::{Address, NamedBy, NoAddress, locate};
use comeback_text::redact;
use comeback_verdict::ExitStyle;

use options::{Command, ScenariosCommand, Terminal};
use progress::Progress;

pub use failure::{Failure, FailureKind};
pub use gate::{REFERENCES, reference_column};
pub use images::entry as image_entry;
pub use job::lengths::estimate as estimated_seconds;
pub use session::{engine_entry, write};
pub use style::style;

/// The caller of a command: its terminal, its progress display, its command line.
#[derive(Clone)]
pub struct Caller {
    terminal: Terminal,
    /// The whole command line.
    arguments: Vec<String>,
    /// The engine's address and where it comes from, if the command talks to an engine.
    address: Option<Result<Address, NoAddress>>,
    progress: Arc<Progress>,
    /// The meaning of the exit codes.
    exit_style: ExitStyle,
}

/// The address of the engine that a command talks to, and where the address comes from; `None` if it talks to no engine.
pub fn address(command: &Command) -> Option<Result<Address, NoAddress>> {
    let engine = command.engine()?;
    Some(locate(engine.engine, engine.host.as_deref()))
}

/// Sets the environment so that docker's own tools and testcontainers use the engine at this address. They take the address
/// from the environment only.
///
/// # Safety
///
/// No other thread may exist that could read the environment.
#[allow(unsafe_code)]
pub unsafe fn point_at(address: &Address) {
    // SAFETY: the caller guarantees that no other thread exists.
    unsafe {
        std::env::set_var("DOCKER_HOST", &address.url);
        if let Some(folder) = &address.certificates {
            std::env::set_var("DOCKER_TLS_VERIFY", "1");
            std::env::set_var("DOCKER_CERT_PATH", folder);
        }
    }
}

impl Caller {
    /// The caller of this command, with the engine at this address. `arguments` go to the record, without secrets.
    pub fn new(
        command: &Command,
        address: Option<Result<Address, NoAddress>>,
        terminal: Terminal,
        arguments: &[String],
    ) -> Self {
        Self {
            terminal,
            arguments: arguments.iter().map(|a| redact::text(a)).collect(),
            address,
            progress: Arc::new(Progress::new(&terminal)),
            exit_style: command.exit_style(),
        }
    }

    /// Prints a failure on stderr. Returns the exit code.
    pub fn failed(&self, failure: Failure) -> u8 {
        let failure = match (&failure.kind, &self.address) {
            (FailureKind::EngineUnavailable { .. }, Some(Ok(address))) => failure.detail(context(address)),
            _ => failure,
        };
        print_failure(&failure, &self.terminal);
        failure.code(self.exit_style)
    }
}

/// The docker context that an address comes from, and where its certificates are: its address alone does not say it.
fn context(address: &Address) -> Option<String> {
    let NamedBy::Context { .. } = address.named_by else {
        return None;
    };
    let certificates = address.certificates.as_ref();
    let certificates = certificates.map(|folder| format!("; its certificates are in {}", folder.display()));
    Some(format!("{}{}", address.named_by, certificates.unwrap_or_default()))
}

/// Prepares this process as the `comeback` program: the log on stderr, the answer to SIGUSR1, and the program to start as a
/// watchdog. Programs that embed this crate need not call it.
pub fn attend(caller: &Caller) {
    if let Ok(program) = std::env::current_exe() {
        watchdog::PROGRAM.get_or_init(|| program);
    }
    logging::start(&caller.terminal, &caller.progress);
    interrupt::answer(&caller.progress);
}

/// Waits if this process is a watchdog, and returns false if its run ended by itself, so that there is nothing to do. True for
/// every other command. Call it before there is a runtime: a watchdog only waits, and should cost nothing.
pub fn is_needed(command: &Command) -> bool {
    !matches!(command, Command::Sweep(options) if options.watchdog) || watchdog::outlive()
}

/// Runs a command. Returns the exit code.
///
/// # Errors
///
/// The failure that ended it without a verdict.
pub async fn run(command: Command, caller: Caller) -> Result<u8, Failure> {
    let style = caller.exit_style;
    let exit = match command {
        Command::Judge(options) => return judge::judge(&options, &caller),
        Command::Merge(options) => return merge::merge(&options, &caller),
        Command::Reproduce(options) => gate::reproduce(options, caller).await,
        Command::Check(options) => gate::check(options, caller).await,
        Command::Compare(options) => compare::compare(options, caller).await,
        Command::Matrix(options) => matrix::matrix(options, caller).await,
        Command::Explore(options) => explore::explore(options, caller).await,
        Command::Images(command) => image_store::run(command, caller.progress).await,
        Command::Selftest(options) => selftest::selftest(options, caller).await,
        Command::Doctor(options) => doctor::doctor(options, caller).await,
        Command::Sweep(options) => sweep::sweep(options).await,
        Command::Scenarios(command) => match command {
            ScenariosCommand::List(select) => scenarios::list(&select),
            ScenariosCommand::Explain { id, scenarios } => scenarios::explain(&id, scenarios.as_deref()),
            ScenariosCommand::Keys => scenarios::keys(),
            ScenariosCommand::Operations => scenarios::operations(),
            ScenariosCommand::Probes => scenarios::probes(),
        },
    };
    exit.map(|exit| style.judged(exit))
}

/// Prints a failure on stderr. If stderr is closed, the exit code has to be enough.
pub fn print_failure(failure: &Failure, terminal: &Terminal) {
    use std::io::Write as _;
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(failure.render(style(terminal.color, &std::io::stderr())).as_bytes());
}

/// Writes to stdout, with a line end.
///
/// # Errors
///
/// If stdout cannot be written to. A pipe whose reader is gone is no error.
pub fn print(text: &str) -> Result<(), Failure> {
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

/// For tests of every variant of an error: defines `NAMES` and `name_of`. An unlisted variant does not compile.
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
use variants;
