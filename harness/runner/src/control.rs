//! What engines and kernels do: restarts, stops, kills, signals, OOM.

use std::time::Duration;

use serde_json::json;

use super::case::Case;
use super::limits::{ANSWER, EVENT};
use super::outcome::{Armed, StepOutcome};
use super::overlay;
use super::picture::SLOW;
use super::subject::OOM_MEMORY;
use super::{Done, Halt, Why};
use comeback_engine::again;
use comeback_history::now::Now;
use comeback_observe::link::LinkError;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::{RecreateHow, Recreation, RestartPolicy, Signal, Step};

impl Case {
    pub async fn engine_restart(&self, grace: Duration) -> Done<StepOutcome> {
        let before = self.recorder.now(Now::started_at);
        self.ctx.engine.restart(&self.subject_id(), grace).await?;
        self.all_free();
        let started_at = self.incarnation_after(before, EVENT).await?;
        self.boot(started_at, true).await?;
        Ok(StepOutcome::default())
    }

    pub async fn engine_stop(&self, grace: Duration) -> Done<StepOutcome> {
        self.ctx.engine.stop(&self.subject_id(), grace).await?;
        self.all_free();
        self.proven_gone("engine-stop").await
    }

    pub async fn engine_kill(&self, signal: Signal) -> Done<StepOutcome> {
        self.ctx.engine.kill(&self.subject_id(), signal.name()).await?;
        if signal == Signal::Kill {
            self.all_free();
            return self.proven_gone("engine-kill").await;
        }
        let gone = self.container_gone(self.patience_with(signal)).await;
        Ok(if gone {
            StepOutcome::default()
        } else {
            StepOutcome::noted(format!("PID 1 took {signal} and still runs"))
        })
    }

    /// How long the end of a container is waited for after a signal to PID 1. One that a supervisor takes for its own purposes, or
    /// that ends nothing at all, is not waited for as long.
    fn patience_with(&self, signal: Signal) -> Duration {
        match signal {
            Signal::Hup | Signal::Usr1 | Signal::Usr2 | Signal::Stop | Signal::Cont => {
                2 * SLOW * self.ctx.slots.slack()
            }
            Signal::Int | Signal::Quit | Signal::Abrt | Signal::Kill | Signal::Term => self.limit(),
        }
    }

    async fn proven_gone(&self, op: &str) -> Done<StepOutcome> {
        if self.container_gone(EVENT).await {
            return Ok(StepOutcome::default());
        }
        Err(Halt::Inconclusive(
            format!("{op}: the engine answered, but no `die` event followed").into(),
        ))
    }

    pub async fn engine_start(&self) -> Done<StepOutcome> {
        if self.in_flight() && self.recorder.now(Now::running) {
            // A stop in flight comes to its end first: starting what still runs would do nothing at all.
            self.container_gone(self.limit()).await;
        }
        let before = self.recorder.now(Now::started_at);
        if self.subject_id().is_empty() {
            // Another container is made when it is started for the first time.
            let image = self.shared().image.clone();
            let id = self.ctx.engine.run_container(&self.next_container(&image)).await?;
            self.shared().subject = id;
        } else {
            self.ctx.engine.start(&self.subject_id()).await?;
        }
        let started_at = self.incarnation_after(before, EVENT).await?;
        self.boot(started_at, true).await?;
        Ok(StepOutcome::default())
    }

    pub async fn recreate(&self, recreation: &Recreation) -> Done<StepOutcome> {
        let old = self.subject_id();
        let how = recreation.how;
        if how == RecreateHow::Stop && self.recorder.now(Now::running) {
            self.ctx.engine.stop(&old, Duration::from_secs(10)).await?;
            self.proven_gone("recreate").await?;
        }
        self.keep_output().await;
        let before = self.recorder.now(Now::started_at);
        self.ctx.engine.remove_container(&old).await?;
        if again(|| self.ctx.engine.inspect(&old)).await?.is_some() {
            return Err(Halt::Inconclusive(
                "recreate: the engine answered, but the old container is still there".into(),
            ));
        }
        self.all_free();
        let image = self.next_image(Some(recreation));
        self.shared().settings.change(recreation);
        let spec = self.next_container(&image);
        let id = overlay::run(&self.ctx, &spec, self.fault.as_ref()).await?;
        self.replace_subject(id, image);
        let started_at = self.incarnation_after(before, EVENT).await?;
        self.boot(started_at, true).await?;
        Ok(StepOutcome::default())
    }

    /// Freezes all processes of the container. The engine's event proves it.
    pub async fn engine_pause(&self) -> Done<StepOutcome> {
        self.ctx.engine.pause(&self.subject_id()).await?;
        self.proven_paused("engine-pause", true).await
    }

    /// Lets the processes of the container go on.
    pub async fn engine_unpause(&self) -> Done<StepOutcome> {
        if !self.recorder.now(|now| now.paused) {
            // An end of the container has done it.
            return Ok(StepOutcome::noted("the container is not frozen"));
        }
        self.ctx.engine.unpause(&self.subject_id()).await?;
        self.proven_paused("engine-unpause", false).await
    }

    async fn proven_paused(&self, op: &str, paused: bool) -> Done<StepOutcome> {
        let told = Wait {
            condition: format!("the engine's event of {op}"),
            limit: EVENT,
            needs_container: true,
            check: Box::new(move |now: &Now| (now.paused == paused).then_some(())),
            last: Box::new(|now: &Now| format!("paused: {}", now.paused)),
        };
        match self.try_wait(told).await {
            Some(()) => Ok(StepOutcome::default()),
            None => Err(Halt::Inconclusive(
                format!("{op}: the engine answered, but no event of it followed").into(),
            )),
        }
    }

    pub async fn signal_gateway(&self, signal: Signal, step: &Step, mut armed: Option<Armed>) -> Done<StepOutcome> {
        let agent = self.agent("signal-gateway").await?;
        let mut outcome = StepOutcome::default();
        for profile in self.addressed(step) {
            let command = json!({"c": "kill", "p": profile, "sig": number(signal)});
            let sent = match armed.take() {
                Some((_, done)) => agent.answer(done, ANSWER).await,
                None => agent.ask(command, ANSWER).await,
            };
            let sent = match sent {
                Ok(sent) => sent,
                // Nothing runs although nobody stopped it: that is for the rows to say.
                Err(LinkError::Refused(why)) => {
                    outcome = StepOutcome::not_done(format!("{signal} to {profile}: {why}"));
                    continue;
                }
                Err(error) => return Err(Halt::Inconclusive(Why::asked("signal-gateway", error))),
            };
            let process = sent
                .pid
                .zip(sent.st)
                .map(|(pid, start_time)| comeback_history::now::Process { pid, start_time });
            let Some(process) = process else {
                return Err(Halt::Inconclusive(
                    format!("signal-gateway: {signal} was sent to an unknown process").into(),
                ));
            };
            match signal {
                Signal::Stop => self.set_held(&profile, true),
                Signal::Cont => self.set_held(&profile, false),
                _ if self.held().contains(&profile) && signal != Signal::Kill => {}
                _ => {
                    if !self.process_gone(&profile, process).await {
                        outcome.note = Some(format!("pid {} took {signal} and is still there", process.pid));
                    } else {
                        self.set_held(&profile, false);
                    }
                }
            }
        }
        Ok(outcome)
    }

    pub async fn signal_init(&self, signal: Signal) -> Done<StepOutcome> {
        let agent = self.agent("signal-init").await?;
        let before = self.recorder.now(Now::started_at);
        let command = json!({"c": "kill", "init": true, "sig": number(signal)});
        agent
            .ask(command, ANSWER)
            .await
            .map_err(|e| Halt::Inconclusive(Why::asked("signal-init", e)))?;
        let policy = self.policy();
        if !self.ended(before, self.patience_with(signal)).await {
            return Ok(StepOutcome::noted(format!("PID 1 took {signal} and still runs")));
        }
        self.all_free();
        if policy != RestartPolicy::No {
            // Whether the engine restarts it is the engine's business, and seen in `container`.
            if let Ok(started_at) = self.incarnation_after(before, EVENT).await {
                self.boot(started_at, true).await?;
            } else {
                return Ok(StepOutcome::noted("the engine did not restart the container"));
            }
        }
        Ok(StepOutcome::default())
    }

    pub async fn oom_gateway(&self, step: &Step) -> Done<StepOutcome> {
        let agent = self.agent("oom-gateway").await?;
        for profile in self.addressed(step) {
            let before = self.recorder.now(|now: &Now| now.ooms);
            let Some(process) = self.live_process(&profile) else {
                return Ok(StepOutcome::not_done(format!("no gateway of {profile} runs")));
            };
            let command = json!({"c": "oom", "p": profile, "limit": OOM_MEMORY >> 20});
            agent
                .ask(command, ANSWER)
                .await
                .map_err(|e| Halt::Inconclusive(Why::asked("oom-gateway", e)))?;
            if !self.process_gone(&profile, process).await {
                return Err(Halt::Inconclusive(
                    "oom-gateway: the kernel did not take the gateway".into(),
                ));
            }
            let told = Wait {
                condition: "the engine's oom event".into(),
                limit: EVENT,
                needs_container: false,
                check: Box::new(move |now: &Now| (now.ooms > before).then_some(())),
                last: Box::new(|now: &Now| format!("{} so far", now.ooms)),
            };
            if self.try_wait(told).await.is_none() {
                return Err(Halt::Inconclusive("oom-gateway: the engine told of no OOM kill".into()));
            }
        }
        Ok(StepOutcome::default())
    }

    /// A new incarnation has nothing frozen in it.
    pub fn all_free(&self) {
        for profile in self.held() {
            self.set_held(&profile, false);
        }
    }
}

/// The signal's number on Linux.
pub fn number(signal: Signal) -> i32 {
    match signal {
        Signal::Hup => 1,
        Signal::Int => 2,
        Signal::Quit => 3,
        Signal::Abrt => 6,
        Signal::Kill => 9,
        Signal::Usr1 => 10,
        Signal::Usr2 => 12,
        Signal::Term => 15,
        Signal::Cont => 18,
        Signal::Stop => 19,
    }
}
