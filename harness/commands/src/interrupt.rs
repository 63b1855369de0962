//! Signals: Ctrl-C, SIGTERM and a closed terminal end a run and remove what it created, SIGUSR1 asks where it stands.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::progress::Progress;
use comeback_verdict::Exit;

/// What a first signal is answered with, after where the run stands.
pub const ENDING: &str =
    "ending the run and removing what it created; once more ends at once and leaves the removing to a process behind";

/// SIGHUP's number on every system we run on.
const HANGUP: u32 = 1;

/// The signals that ask us to end, from when it is made.
pub struct Interrupts {
    streams: Option<(Signal, Signal, Option<Signal>)>,
}

impl Interrupts {
    /// Begins to listen. Where none can be caught, it never hears any.
    pub fn listen() -> Self {
        let streams = signal(SignalKind::interrupt()).and_then(|int| {
            let term = signal(SignalKind::terminate())?;
            // A terminal that is closed ends us, too, unless we were started to outlive it.
            let closed = if is_ignored(HANGUP) {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            };
            Ok((int, term, closed))
        });
        Self { streams: streams.ok() }
    }

    /// Resolves with the exit code of the next one.
    pub async fn next(&mut self) -> Exit {
        let Some((int, term, closed)) = &mut self.streams else {
            return std::future::pending().await;
        };
        let hang_up = async {
            match closed {
                Some(closed) => closed.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(()) = int.recv() => Exit::Interrupted,
            Some(()) = term.recv() => Exit::Terminated,
            Some(()) = hang_up => Exit::Terminated,
            else => std::future::pending().await,
        }
    }
}

/// True if this process was started with a signal ignored, as `nohup` does it. Unknown means not.
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
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
