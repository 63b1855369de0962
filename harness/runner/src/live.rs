//! Steps that are about a live gateway: they begin when its start is over, at a moment drawn from the run's seed.
//!
//! A gateway writes `running` before its start is over: measured, 0.17.0 goes on for 60 ms, 0.22.2 for 3 s, and a signal in
//! that time may meet handling that is not final. It is live once it has come to rest after its own `running`: no thread of it
//! wants the processor for a while. The agent sees that (`observe/agent.py`); nothing here knows a release.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::case::Case;
use super::halt::Why;
use super::limits::ANSWER;
use super::{Done, Halt};
use comeback_gateway::state::is_serving;
use comeback_history::now::{Now, Process, ProfileNow};
use comeback_history::pace::Phase;
use comeback_observe::link::LinkError;
use comeback_scenario::model::{Operation, Probe, StartWait, Step, Value};
use comeback_scenario::vocabulary::ProcessEffect;

/// The gateway's own period: it looks for a planned-stop marker every 0.5 s (`_watch_planned_stop_marker` in `gateway/run.py`,
/// and measured). A step that always began at the same point of it would meet that look always or never.
const GATEWAY_PERIOD: Duration = Duration::from_millis(500);

/// Whether a step lets the next one begin at a moment that passes: any wait but the one for a gateway that runs.
fn aims(step: &Step) -> bool {
    match &step.op {
        Operation::WaitUntil { probe, value } => {
            let runs = |v: &Value| matches!(v, Value::Str(word) if is_serving(word));
            *probe != Probe::StateGatewayState || !value.0.iter().all(runs)
        }
        Operation::HoldAt { .. } => step.wait,
        _ => false,
    }
}

/// How long a step (from 1) is put off, in milliseconds: evenly over the gateway's period, and the same for the same step of
/// the same attempt with the same seed.
fn drawn(seed: u64, scenario: &str, image: &str, [repeat, attempt]: [u32; 2], step: usize) -> u64 {
    let what = format!("{seed}\0{scenario}\0{image}\0{repeat}\0{attempt}\0{step}");
    let hash = Sha256::digest(what.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first) % u64::try_from(GATEWAY_PERIOD.as_millis()).unwrap_or(u64::MAX)
}

/// The gateway's process, if it is up, wanted up, and says it runs.
fn runs(p: &ProfileNow) -> Option<Process> {
    let wanted = p.service.as_ref().is_some_and(|(status, _)| status.want_up);
    let runs = p.own_word().is_some_and(is_serving);
    p.supervised().filter(|_| wanted && runs)
}

/// Gateways that run and are not known to be live.
fn starting(now: &Now, held: &[String]) -> Vec<(String, Process)> {
    let profiles = now.profiles.iter().filter(|(name, _)| !held.contains(name));
    let starting = profiles.filter_map(|(name, p)| Some((name.clone(), runs(p).filter(|r| p.live != Some(*r))?)));
    starting.collect()
}

impl Case {
    /// Waits until a step (from 0) may begin. Returns how long it was put off, in milliseconds, if it was.
    ///
    /// What is about a window of time begins at once: a step beside one that acts, the first one where `[start]` leaves the
    /// gateway in its start, one that follows a wait for a moment.
    pub async fn before(&self, index: usize) -> Done<Option<u64>> {
        let steps = &self.order.scenario.steps;
        let step = &steps[index];
        let acts = |s: &Step| !matches!(s.op, Operation::HoldAt { .. });
        let first = !steps[..index].iter().any(acts);
        let left_starting = first && self.order.scenario.start.wait != StartWait::Running;
        let aimed = index.checked_sub(1).is_some_and(|last| aims(&steps[last]));
        let process = step.op.info().process;
        if !process.wants_live() || self.in_flight() || left_starting || aimed {
            return Ok(None);
        }
        self.live().await?;
        let held = self.held();
        let any = self.recorder.now(|now| {
            let mut profiles = now.profiles.iter().filter(|(name, _)| !held.contains(name));
            profiles.any(|(_, p)| runs(p).is_some())
        });
        if !any || process != ProcessEffect::Ends {
            return Ok(None);
        }
        let order = &self.order;
        let attempt = [order.repeat, order.attempt];
        let delay = drawn(self.ctx.seed, &order.scenario.id, &order.image, attempt, index + 1);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        Ok(Some(delay))
    }

    /// Waits until the start of every gateway that runs is over.
    pub async fn live(&self) -> Done {
        if self.is_paused() {
            return Ok(());
        }
        let held = self.held();
        // A gateway that is never at rest is put on record, and the case goes on.
        let limit = self.deadline(Phase::Live);
        let reached = self.reached(Phase::Live, limit);
        for (profile, process) in self.recorder.now(|now| starting(now, &held)) {
            if self.is_restless(process) {
                continue;
            }
            let condition = format!("the start of {profile}'s gateway, pid {}, to be over", process.pid);
            self.phase(&format!("waiting for {condition}"));
            let command = json!({
                "c": "live", "p": profile, "pid": process.pid, "st": process.start_time,
                "limit": u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            });
            let agent = self.agent("a look at the gateway's start").await?;
            match agent.ask(command, limit + ANSWER).await {
                Ok(_) => {}
                Err(LinkError::Refused(last)) => {
                    self.note_restless(process);
                    self.tell_of_wait(condition, last, Some(reached));
                }
                // It ends with the container, which is for the rows to say.
                Err(LinkError::Closed(_)) if self.container_gone(ANSWER).await => return Ok(()),
                Err(error) => return Err(Halt::Inconclusive(Why::asked(condition, error))),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use comeback_scenario::fixtures::step;
    use comeback_scenario::model::{Signal, ValueSet};

    #[test]
    fn moments_are_drawn_evenly_over_the_gateways_period() {
        let mut tenths = [0_u32; 10];
        for seed in 0..5_000 {
            let ms = drawn(seed, "operator-stop", "release:0.17.0", [1, 1], 1);
            tenths[usize::try_from(ms / 50).unwrap_or(usize::MAX)] += 1;
        }
        // 500 are to be expected in each; the deviation is 21.
        assert!(tenths.iter().all(|n| (400..600).contains(n)), "{tenths:?}");
    }

    #[test]
    fn a_moment_follows_from_seed_case_attempt_and_step() {
        let mut all = [
            drawn(1, "a", "i", [1, 1], 1),
            drawn(2, "a", "i", [1, 1], 1),
            drawn(1, "b", "i", [1, 1], 1),
            drawn(1, "a", "j", [1, 1], 1),
            drawn(1, "a", "i", [2, 1], 1),
            drawn(1, "a", "i", [1, 2], 1),
            drawn(1, "a", "i", [1, 1], 2),
        ];
        assert_eq!(all[0], drawn(1, "a", "i", [1, 1], 1));
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[0] != two[1]), "{all:?}");
    }

    fn wait_for(probe: Probe, values: &[&str]) -> Step {
        let value = ValueSet(values.iter().copied().map(Value::str).collect());
        step(Operation::WaitUntil { probe, value })
    }

    #[rstest]
    #[case::a_gateway_that_runs(wait_for(Probe::StateGatewayState, &["running"]), false)]
    #[case::or_is_degraded(wait_for(Probe::StateGatewayState, &["running", "degraded"]), false)]
    #[case::a_state_that_passes(wait_for(Probe::StateGatewayState, &["starting"]), true)]
    #[case::or_may(wait_for(Probe::StateGatewayState, &["running", "draining"]), true)]
    #[case::a_marker(wait_for(Probe::Marker, &["absent"]), true)]
    #[case::a_hold(step(Operation::HoldAt { state: "draining".into() }), true)]
    #[case::a_hold_in_flight(Step { wait: false, ..step(Operation::HoldAt { state: "draining".into() }) }, false)]
    #[case::anything_else(step(Operation::SignalGateway { signal: Signal::Term }), false)]
    fn which_steps_aim_at_a_moment(#[case] step: Step, #[case] wanted: bool) {
        assert_eq!(aims(&step), wanted);
    }
}
