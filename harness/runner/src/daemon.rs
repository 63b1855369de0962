//! The restart of the engine's daemon, by a command that the user has named.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::case::Case;
use super::limits::{ANSWER, EVENT};
use super::outcome::StepOutcome;
use super::{Done, Halt, Why};
use comeback_engine::ContainerStatus;

/// Deadline for the command, and for the daemon's first answer after it.
const AWAY: Duration = Duration::from_secs(120);
/// Pause between two attempts to reach the daemon.
const PAUSE: Duration = Duration::from_millis(250);
/// How much of the command's output is shown, in characters.
const TAIL: usize = 400;

impl Case {
    /// Restarts the engine's daemon. The end of the observer's container proves it: nothing else ends that one.
    pub async fn daemon_restart(&self) -> Done<StepOutcome> {
        let Some(command) = &self.ctx.daemon_restart else {
            return Err(Halt::Unsupported("no command restarts the engine's daemon".to_owned()));
        };
        self.sync().await?;
        let all: Vec<&Self> = self.containers().filter(|case| !case.subject_id().is_empty()).collect();
        let before: Vec<_> = all
            .iter()
            .map(|case| case.recorder.now(|now| (now.running(), now.started_at())))
            .collect();
        let away = self.ctx.hub.restarts();
        let told = self.observer.close().await;
        self.phase("restarting the engine's daemon");
        run(command).await?;
        let observer = self.observer_ended().await?;
        if !away.over(ANSWER).await {
            return Err(inconclusive("the engine's events cannot be heard after it"));
        }
        let engine = self.ctx.engine.as_ref();
        let paths = self.order.scenario.paths();
        self.observer.resume(engine, told, &self.recorder, &paths).await?;
        let mut boots = Vec::new();
        for (case, (ran, before)) in all.iter().zip(before) {
            if ran && !case.ended(before, EVENT).await {
                return Err(inconclusive("a container has not ended with the daemon"));
            }
            let died_at = case.recorder.now(|now| {
                let ended = now.incarnations.iter().rev().find(|i| i.died.is_some());
                ended.and_then(|incarnation| incarnation.died_at)
            });
            if ran && died_at > observer.finished_at {
                return Err(inconclusive(
                    "the observer ended before the container did: what that left behind was not seen",
                ));
            }
            let status = engine.inspect(&case.subject_id()).await?;
            if status.is_some_and(|status| status.running) {
                boots.push((case, case.incarnation_after(before, EVENT).await?));
            }
        }
        drop(away);
        self.all_free();
        for (case, started_at) in boots {
            case.boot(started_at, true).await?;
        }
        Ok(StepOutcome::default())
    }

    /// Waits until the daemon answers and the observer's container has ended. Returns the state of that container.
    async fn observer_ended(&self) -> Done<ContainerStatus> {
        let begun = Instant::now();
        loop {
            let status = self.ctx.engine.inspect(&self.observer.id).await;
            let (limit, why) = match status {
                Ok(Some(status)) if !status.running => return Ok(status),
                Ok(_) => (
                    EVENT,
                    "the daemon answers, and no container has ended with it".to_owned(),
                ),
                Err(error) => (AWAY, format!("the daemon does not answer: {error}")),
            };
            if begun.elapsed() > limit {
                return Err(inconclusive(&why));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Runs the command in a shell, on the host of the harness.
async fn run(command: &str) -> Done {
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Halt::Inconclusive(Why::io("sh", e)))?;
    let output = match tokio::time::timeout(AWAY, child.wait_with_output()).await {
        Ok(output) => output.map_err(|e| Halt::Inconclusive(Why::io("sh", e)))?,
        Err(_) => {
            return Err(inconclusive(&format!(
                "`{command}` did not end within {} s",
                AWAY.as_secs()
            )));
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    let from = said.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
    let said = if said.is_empty() {
        "it said nothing"
    } else {
        &said[from..]
    };
    Err(inconclusive(&format!("`{command}` failed ({}): {said}", output.status)))
}

fn inconclusive(why: &str) -> Halt {
    Halt::Inconclusive(format!("daemon-restart: {why}").into())
}
