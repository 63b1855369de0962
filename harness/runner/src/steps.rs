//! The steps of a case, in order, each with its proof.

mod windows;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::case::Case;
use super::limits::ANSWER;
use super::operator::Verb;
use super::outcome::{Armed, StepOutcome};
use super::{Done, Halt, Why, volume};
use comeback_history::facts::{Fact, Source};
use comeback_history::now::{Now, Process, ProfileNow};
use comeback_history::probe;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::{Moment, Operation, Probe, ProfileSel, Seed, Signal, Step, ValueSet};
use comeback_scenario::vocabulary::Afterwards;
use windows::{acts, changes, holds_what, is_hold, signal_on_marker, waits_for_state};

impl Case {
    /// All steps. Steps in flight are joined at the end.
    pub async fn steps(self: Arc<Self>) -> Done {
        let steps = &self.order.scenario.steps;
        let mut in_flight: Vec<(&Step, JoinHandle<Done>)> = Vec::new();
        let mut armed: Option<Armed> = None;
        for (index, step) in steps.iter().enumerate() {
            let delay_ms = self.of(step).before(index).await?;
            // A hold that follows a step in flight must be in place before that step begins.
            if !step.wait
                && let Some(next) = steps.get(index + 1)
                && let Operation::HoldAt { state } = &next.op
                && self.nowhere(&next.op).await?.is_none()
            {
                armed = Some(self.arm(next, state).await?);
            }
            if let Some((signal, next)) = signal_on_marker(&steps[index + 1..])
                && self.nowhere(&next.op).await?.is_none()
            {
                armed = Some(self.arm_signal(signal, next).await?);
            }
            let number = index + 1;
            let op = step.op.kind();
            self.phase(&format!("step {number} {op}"));
            self.of(step).recorder.push(
                Source::Harness,
                Some(Timestamp::now()),
                Fact::StepBegan {
                    step: number,
                    op,
                    delay_ms,
                },
            );
            if step.wait {
                let takes = matches!(step.op, Operation::HoldAt { .. } | Operation::SignalGateway { .. });
                let taken = if takes { armed.take() } else { None };
                if matches!(step.op, Operation::Release) {
                    self.join(&mut in_flight, |flying| is_hold(flying, step)).await?;
                }
                self.step(index, taken).await?;
                // The state is told a moment before the freeze is: what comes next is meant for a frozen gateway.
                if waits_for_state(step) {
                    self.join(&mut in_flight, |flying| {
                        is_hold(flying, step) && holds_what(flying, step)
                    })
                    .await?;
                }
            } else {
                let case = self.clone();
                if acts(step) {
                    self.flight_begins();
                }
                let flight = self.flights.begin(async move { case.step(index, None).await });
                in_flight.push((step, flight));
                // The step is in flight once it has been polled: let it get as far as its first call.
                tokio::task::yield_now().await;
            }
        }
        self.join(&mut in_flight, |_| true).await?;
        if steps.iter().any(|s| !s.wait) {
            self.after_flight().await?;
        }
        Ok(())
    }

    /// Waits for the ends of these steps in flight.
    async fn join(&self, in_flight: &mut Vec<(&Step, JoinHandle<Done>)>, which: impl Fn(&Step) -> bool) -> Done {
        let (wanted, others): (Vec<_>, Vec<_>) = std::mem::take(in_flight).into_iter().partition(|(s, _)| which(s));
        *in_flight = others;
        for (_, task) in wanted {
            match tokio::time::timeout(self.limit() * 2, task).await {
                Ok(Ok(done)) => done?,
                Ok(Err(_)) => return Err(Halt::Inconclusive("a step in flight ended abnormally".into())),
                Err(_) => return Err(Halt::Inconclusive("a step in flight did not come to its end".into())),
            }
        }
        Ok(())
    }

    /// When the last step in flight is done, whatever it set off comes to rest.
    async fn after_flight(&self) -> Done {
        let unmarked = self.recorder.now(|now| now.running() && now.agent != now.started_at());
        match self.recorder.now(Now::started_at) {
            Some(started_at) if unmarked => self.boot(started_at, true).await,
            _ => {
                self.sync().await?;
                self.rest().await
            }
        }
    }

    async fn step(&self, index: usize, armed: Option<Armed>) -> Done {
        let step = &self.order.scenario.steps[index];
        let clock = Instant::now();
        let on = self.of(step);
        if changes(step) {
            self.step_changes();
            on.step_changes();
        }
        let outcome = on.act(step, armed).await;
        self.note_step(index, step.op.name(), clock.elapsed());
        if !step.wait && acts(step) {
            self.flight_ends();
        }
        let StepOutcome {
            exit,
            output,
            note,
            came_true,
        } = outcome?;
        let fact = Fact::StepEnded {
            step: index + 1,
            exit,
            output,
            note,
            came_true,
        };
        on.recorder.push(Source::Harness, Some(Timestamp::now()), fact);
        // What is to be done in a window comes next: nothing may take time in between.
        if step.wait && step.op.info().afterwards == Afterwards::Rest {
            self.all_come_to_rest().await?;
        }
        if !step.wait {
            // Others are under way: the next moment is one to stop at.
            self.recorder.mark(Moment::After(index + 1));
            return Ok(());
        }
        self.moment(Moment::After(index + 1)).await
    }

    async fn act(&self, step: &Step, armed: Option<Armed>) -> Done<StepOutcome> {
        if let Some(why) = self.nowhere(&step.op).await? {
            return Ok(StepOutcome::not_done(why));
        }
        match &step.op {
            Operation::OperatorStart { all, force } => self.operate(Verb::Start, *all, *force, step).await,
            Operation::OperatorStop { all } => self.operate(Verb::Stop, *all, false, step).await,
            Operation::OperatorRestart { all } => self.operate(Verb::Restart, *all, false, step).await,
            Operation::OperatorRun { no_supervise } => self.run_gateway(*no_supervise, step).await,
            Operation::OperatorStatus => self.ask_status(step).await,
            Operation::EngineRestart { grace } => self.engine_restart(*grace).await,
            Operation::EngineStop { grace } => self.engine_stop(*grace).await,
            Operation::EngineKill { signal } => self.engine_kill(*signal).await,
            Operation::EngineStart => self.engine_start().await,
            Operation::Recreate(recreation) => self.recreate(recreation).await,
            Operation::DaemonRestart => self.daemon_restart().await,
            Operation::EnginePause => self.engine_pause().await,
            Operation::EngineUnpause => self.engine_unpause().await,
            Operation::Fill => self.fill().await,
            Operation::Free => self.free().await,
            Operation::ProfileUse => self.use_profile(step).await,
            Operation::ComposeRecreate => self.compose_recreate().await,
            Operation::SignalGateway { signal } => self.signal_gateway(*signal, step, armed).await,
            Operation::SignalInit { signal } => self.signal_init(*signal).await,
            Operation::OomGateway => self.oom_gateway(step).await,
            Operation::CtrlC => self.signal_gateway(Signal::Int, step, None).await,
            Operation::Stamp(seed) => self.stamp(seed, step).await,
            Operation::ProfileCreate => self.manage_profile(true, step).await,
            Operation::ProfileDelete => self.manage_profile(false, step).await,
            Operation::WaitUntil { probe, value } => self.wait_until(*probe, value, step).await,
            Operation::HoldAt { state } => self.hold(step, state, armed).await,
            Operation::Release => self.release(step).await,
            Operation::Settle => {
                tokio::time::sleep(self.order.scenario.watch).await;
                Ok(StepOutcome::default())
            }
        }
    }

    /// The profiles a step addresses.
    pub fn addressed(&self, step: &Step) -> Vec<String> {
        match &step.profile {
            ProfileSel::One(name) => vec![name.clone()],
            ProfileSel::All => self.profiles(),
        }
    }

    async fn stamp(&self, seed: &Seed, step: &Step) -> Done<StepOutcome> {
        let profile = self.addressed(step).into_iter().next().unwrap_or_default();
        let process = self.recorder.now(|now: &Now| {
            let p = now.profile(&profile);
            p.supervised().or_else(|| p.lives.last().map(|l| l.process))
        });
        if process.is_none() && seed.names_a_process() {
            return Ok(StepOutcome::not_done(format!(
                "no gateway of {profile} ever ran, and `{}` names one",
                seed.path
            )));
        }
        let hermes = volume::uid_of_hermes(self.ctx.engine.as_ref(), &self.subject_id()).await?;
        let tar = volume::archive(std::slice::from_ref(seed), process, self.ctx.clocks.engines(), hermes)
            .map_err(|e| Halt::Inconclusive(Why::io(&seed.path, e)))?;
        let before = self.recorder.now(seen_of_files);
        let missing = volume::put(self.ctx.engine.as_ref(), &self.subject_id(), tar).await?;
        let Some(path) = missing else {
            return Ok(StepOutcome::default());
        };
        // What the gateway takes away or writes over at once was there, and the observer has seen it.
        self.sync().await?;
        match self.recorder.now(seen_of_files) > before {
            true => Ok(StepOutcome::default()),
            false => Err(Halt::Inconclusive(
                format!("stamp: the engine answered, but {path} is not on the volume").into(),
            )),
        }
    }

    /// Waits for a probe's value. Where it does not come, the case goes on: whether it should have is for the rows to
    /// say, and the verdict never takes such a case for a pass.
    async fn wait_until(&self, probe: Probe, value: &ValueSet, step: &Step) -> Done<StepOutcome> {
        let profile = self.addressed(step).into_iter().next().unwrap_or_default();
        let (history, _) = self.recorder.snapshot();
        let before = probe::process_before_last_action(&history, &profile, self.container.as_deref());
        let condition = format!("{probe} of {profile} to be {value}");
        let (check, shown) = (profile.clone(), profile.clone());
        let wait = Wait {
            condition: condition.clone(),
            limit: self.limit(),
            needs_container: false,
            check: Box::new(move |now: &Now| {
                let current = probe::current(now, probe, &check, before);
                current.is_some_and(|v| value.contains(&v)).then_some(())
            }),
            last: Box::new(move |now: &Now| {
                let last = probe::current(now, probe, &shown, before);
                last.map_or_else(|| "nothing".to_owned(), |v| v.to_string())
            }),
        };
        // A timer goes on while nothing is under way.
        let there = match probe.is_timed() {
            true => self.try_wait(wait).await.is_some(),
            false => self.wait_while_under_way(wait).await?.is_some(),
        };
        Ok(StepOutcome {
            note: (!there).then(|| format!("did not come true: {condition}")),
            came_true: Some(there),
            ..StepOutcome::default()
        })
    }

    async fn arm(&self, step: &Step, state: &str) -> Done<Armed> {
        let profile = self.addressed(step).into_iter().next().unwrap_or_default();
        let agent = self.agent("hold-at").await?;
        let command = serde_json::json!({"c": "hold", "p": profile, "state": state});
        let done = agent
            .arm(command, ANSWER)
            .await
            .map_err(|e| Halt::Inconclusive(Why::asked("hold-at", e)))?;
        Ok((profile, done))
    }

    async fn arm_signal(&self, signal: Signal, step: &Step) -> Done<Armed> {
        let profile = self.addressed(step).into_iter().next().unwrap_or_default();
        let agent = self.agent("signal-gateway").await?;
        let command = serde_json::json!({"c": "signal-on-marker", "p": profile, "sig": super::control::number(signal)});
        let done = agent
            .arm(command, ANSWER)
            .await
            .map_err(|e| Halt::Inconclusive(Why::asked("signal-gateway", e)))?;
        Ok((profile, done))
    }

    async fn hold(&self, step: &Step, state: &str, armed: Option<Armed>) -> Done<StepOutcome> {
        let (profile, done) = match armed {
            Some(armed) => armed,
            None => self.arm(step, state).await?,
        };
        let agent = self.agent("hold-at").await?;
        self.phase(&format!("waiting for {profile}'s state {state}, to freeze it there"));
        let held = agent.answer(done, self.limit()).await;
        let held =
            held.map_err(|e| Halt::Inconclusive(Why::asked(format!("hold-at {state}: the window was missed"), e)))?;
        self.set_held(&profile, true);
        Ok(StepOutcome::noted(format!(
            "pid {} {}",
            held.pid.unwrap_or(0),
            held.why
        )))
    }

    async fn release(&self, step: &Step) -> Done<StepOutcome> {
        let agent = self.agent("release").await?;
        for profile in self.addressed(step) {
            let command = serde_json::json!({"c": "release", "p": profile});
            let done = agent.ask(command, ANSWER).await;
            done.map_err(|e| Halt::Inconclusive(Why::asked("release", e)))?;
            self.set_held(&profile, false);
        }
        Ok(StepOutcome::default())
    }

    /// The agent, or why the step cannot be done.
    pub async fn agent(&self, what: &str) -> Done<Arc<comeback_observe::link::Link>> {
        self.monitor
            .agent_within(Duration::from_secs(10))
            .await
            .ok_or_else(|| Halt::Inconclusive(format!("{what}: the container does not run").into()))
    }

    /// The process of a profile that runs now.
    pub fn live_process(&self, profile: &str) -> Option<Process> {
        self.recorder.now(|now: &Now| now.profile(profile).supervised())
    }
}

/// Where in the history a state file or a marker was seen last.
fn seen_of_files(now: &Now) -> Option<u64> {
    let of_profile = |p: &ProfileNow| {
        let state = p.state.as_ref().map(|(_, seq)| *seq);
        state.max(p.marker.as_ref().map(|(_, seq)| *seq))
    };
    now.profiles.values().filter_map(of_profile).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use comeback_scenario::fixtures::step;
    use comeback_scenario::model::Value;

    fn wait_for(probe: Probe, value: &str) -> Step {
        let value = ValueSet(vec![Value::str(value)]);
        step(Operation::WaitUntil { probe, value })
    }

    #[test]
    fn only_a_signal_that_waits_for_a_marker_to_be_taken_is_laid_in_ambush() {
        let signal = step(Operation::SignalGateway { signal: Signal::Term });
        let taken = wait_for(Probe::Marker, "absent");
        let found = |steps: &[Step]| signal_on_marker(steps).map(|(signal, _)| signal);
        assert_eq!(found(&[taken.clone(), signal.clone()]), Some(Signal::Term));
        assert_eq!(found(&[wait_for(Probe::Marker, "present"), signal.clone()]), None);
        assert_eq!(found(&[wait_for(Probe::Service, "down"), signal.clone()]), None);
        let in_flight = Step { wait: false, ..signal };
        assert_eq!(found(&[taken.clone(), in_flight]), None);
        assert_eq!(found(&[taken]), None);
    }
}
