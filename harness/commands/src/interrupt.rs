//! Signals. Ctrl-C, SIGTERM and a closed terminal end a run, which then cleans up. SIGUSR1 prints the state of the run.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::progress::Progress;
use comeback_verdict::Exit;

/// What a first signal prints, after the state of the run.
pub const ENDING: &str =
    "ending the run and removing what it created; a second signal ends it at once, and a background watchdog cleans up";

/// The number of SIGHUP on every supported system.
const HANGUP: u32 = 1;

/// The signals that end a run, from the time at which this is created.
pub struct Interrupts {
    streams: Option<(Signal, Signal, Option<Signal>)>,
}

impl Interrupts {
    /// Begins to listen. If signals cannot be caught, [`Self::next`] never resolves.
    pub fn listen() -> Self {
        let streams = signal(SignalKind::interrupt()).and_then(|int| {
            let term = signal(SignalKind::terminate())?;
            // A closed terminal ends the run too, unless it was started with `nohup`.
            let closed = if is_ignored(HANGUP) {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            };
            Ok((int, term, closed))
        });
        Self { streams: streams.ok() }
    }

    /// Resolves with the exit code of the next signal.
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

/// True if this process was started with the signal ignored, as `nohup` does. False if that is unknown.
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Answers SIGUSR1 with the state of the run, for as long as the runtime lives. Without a handler, SIGUSR1 would end the
/// process.
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
