//! Signals: Ctrl-C and SIGTERM end a run and remove what it created, SIGUSR1 asks where it stands.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Exit;
use crate::cli::progress::Progress;

/// What a first signal is answered with, after where the run stands.
pub const ENDING: &str =
    "ending the run and removing what it created; once more ends at once and leaves the removing to a process behind";

/// The signals that ask us to end, from when it is made.
pub struct Interrupts {
    streams: Option<(Signal, Signal)>,
}

impl Interrupts {
    /// Begins to listen. Where none can be caught, it never hears any.
    pub fn listen() -> Self {
        let streams = signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)));
        Self { streams: streams.ok() }
    }

    /// Resolves with the exit code of the next one.
    pub async fn next(&mut self) -> Exit {
        let Some((int, term)) = &mut self.streams else {
            return std::future::pending().await;
        };
        tokio::select! {
            Some(()) = int.recv() => Exit::Interrupted,
            Some(()) = term.recv() => Exit::Terminated,
            else => std::future::pending().await,
        }
    }
}

/// Answers SIGUSR1 with where the run stands, for as long as the runtime lives. Unanswered it would end the process.
pub fn answer(progress: &Arc<Progress>) {
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else {
        return;
    };
    let progress = progress.clone();
    tokio::spawn(async move {
        while asked.recv().await.is_some() {
            progress.stand();
        }
    });
}
