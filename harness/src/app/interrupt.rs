//! Ctrl-C and SIGTERM: the run ends, what it created is removed.

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Exit;

/// Resolves with the exit code of the first signal that asks us to end. Without a signal, or where none can be caught, it
/// never does.
pub async fn interrupted() -> Exit {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        Some(()) = int.recv() => Exit::Interrupted,
        Some(()) = term.recv() => Exit::Terminated,
        else => std::future::pending().await,
    }
}
