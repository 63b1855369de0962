//! The commands of `comeback`: from options to an exit code. What a command prints goes to stdout, what it tells goes to stderr.
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
mod user_volume;
mod watchdog;

use std::sync::Arc;

use comeback_engine::{Address, NoAddress, locate};
use comeback_text::redact;
use comeback_verdict::ExitStyle;

use options::{Command, ScenariosCommand, Terminal};
use progress::Progress;

pub use failure::{Failure, FailureKind};
pub use gate::{REFERENCES, reference_column};
pub use images::entry as image_entry;
pub use session::{engine_entry, write};
pub use style::style;

/// Who called, and how to talk to them.
#[derive(Clone)]
pub struct Caller {
    terminal: Terminal,
    /// The whole command line.
    arguments: Vec<String>,
    /// The engine's address, and who named it, where the command talks to one.
    address: Option<Result<Address, NoAddress>>,
    progress: Arc<Progress>,
    /// What exit codes mean to them.
    exit_style: ExitStyle,
}

/// The address of the engine that a command talks to, and who named it; `None` if it talks to none.
pub fn address(command: &Command) -> Option<Result<Address, NoAddress>> {
    let engine = command.engine()?;
    Some(locate(engine.engine, engine.host.as_deref()))
}

/// Has docker's own tools, and testcontainers, find the engine at this address: they know it by their environment alone.
///
/// # Safety
///
/// No other thread may exist that could read the environment.
#[allow(unsafe_code)]
pub unsafe fn point_at(address: &Address) {
    // SAFETY: as the caller guarantees.
    unsafe {
        std::env::set_var("DOCKER_HOST", &address.url);
        if let Some(folder) = &address.certificates {
            std::env::set_var("DOCKER_TLS_VERIFY", "1");
            std::env::set_var("DOCKER_CERT_PATH", folder);
        }
    }
}

impl Caller {
    /// Whoever calls for this command, on the engine at that address. `arguments` are kept in the record, without secrets.
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

    /// Where this command's progress goes.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Says on stderr why a command ended without a verdict. Returns its exit code.
    pub fn failed(&self, failure: &Failure) -> u8 {
        tell_failure(failure, &self.terminal);
        failure.code(self.exit_style)
    }
}

/// Starts what a process of `comeback` itself has beside its command: the log on stderr, the answer to SIGUSR1, a watchdog.
pub fn attend(caller: &Caller) {
    if let Ok(program) = std::env::current_exe() {
        watchdog::PROGRAM.get_or_init(|| program);
    }
    logging::start(&caller.terminal, &caller.progress);
    interrupt::answer(&caller.progress);
}

/// True if this process is to go on: always, but for a watchdog that nobody needs any more. To be called before there is a
/// runtime: what only waits is not to cost anything.
pub fn is_needed(command: &Command) -> bool {
    !matches!(command, Command::Sweep(options) if options.watchdog) || watchdog::outlive()
}

/// Runs a command. Returns the exit code.
///
/// # Errors
///
/// What ended it without a verdict.
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
            ScenariosCommand::Operations => scenarios::operations(),
            ScenariosCommand::Probes => scenarios::probes(),
        },
    };
    exit.map(|exit| style.judged(exit))
}

/// Says on stderr why a command ended without a verdict.
fn tell_failure(failure: &Failure, terminal: &Terminal) {
    use std::io::Write as _;
    let mut err = std::io::stderr().lock();
    // Nothing can be done about a stderr that is closed; the exit code says enough.
    let _ = err.write_all(failure.render(style(terminal.color, &std::io::stderr())).as_bytes());
}

/// Writes to stdout. A reader that has gone away is no fault of ours.
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
use variants;
