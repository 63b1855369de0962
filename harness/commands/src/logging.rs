//! The log of what the harness does. It goes to stderr, above the progress display.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use crate::options::Terminal;
use crate::progress::{LogWriter, Progress};
use comeback_text::redact::Secrets;
use comeback_text::terminal::sanitize;

/// Starts the log. The level is that of `RUST_LOG`, or else warnings, and more with `-v` and `-vv`.
pub fn start(terminal: &Terminal, progress: &Arc<Progress>) {
    let level = match (terminal.quiet, terminal.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,comeback=info",
        (false, _) => "info,comeback=debug",
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::builder().parse_lossy(text),
        _ => EnvFilter::new(level),
    };
    let (progress, secrets) = (progress.clone(), of_the_engine());
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Clean(progress.writer(), secrets.clone()))
        // `Clean` would escape the colours.
        .with_ansi(false)
        .with_target(terminal.verbose > 1)
        .without_time()
        .try_init();
    // A program that embeds this may have a log already.
    drop(started);
}

/// The password in the engine's address. Libraries may log it without the rest of the address.
fn of_the_engine() -> Secrets {
    let address = std::env::var("DOCKER_HOST").unwrap_or_default();
    let authority = address.split_once("://").map_or("", |(_, rest)| rest);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    Secrets::among([("ENGINE_PASSWORD", password)])
}

/// Removes terminal escapes and secrets: messages quote engines and containers, and libraries log addresses.
struct Clean(LogWriter, Secrets);

impl Write for Clean {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            self.0.write_all(sanitize(&self.1.text(text)).as_bytes())?;
            self.0.write_all(end.as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
