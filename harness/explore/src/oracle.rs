//! The oracle: reads off a case's history whether every gateway was what its operator wanted. Pure.
//!
//! Looked at: after each settled step and at the end, whether each gateway is supervised exactly if it is wanted; at each
//! boot, whether the reconciler says so too; whether a stop is persisted as one; whether commands succeed; and the invariants
//! of the catalogue. Where it is not known what is wanted, nothing is looked at.

mod boots;
mod floor;

use std::collections::BTreeSet;

use super::coverage::BESIDE;
use super::intent::Intents;
use super::model::Intent;
use super::trial::{Kind, Point, Shown, Trial, TrialOutcome};
use comeback_gateway::state::is_serving;
use comeback_history::facts::{CaseEnd, CaseEvidence, ContainerChange, Fact, Observation, Source};
use comeback_history::now::Now;
use comeback_history::probe;
use comeback_scenario::model::{DEFAULT_PROFILE, Moment, Operation, Probe, ProfileSel, Scenario, Step, Value};
use comeback_scenario::vocabulary::{Afterwards, IntentEffect, Sender};
use floor::floor;

/// Judges a case by the intents of its operators.
pub fn judge(scenario: &Scenario, evidence: &CaseEvidence) -> Trial {
    let mut reader = Reader::new(scenario, evidence);
    for observation in &evidence.history {
        reader.take(observation);
    }
    reader.boots();
    reader.invariants();
    reader.finish()
}

struct Reader<'a> {
    scenario: &'a Scenario,
    evidence: &'a CaseEvidence,
    intents: Intents,
    now: Now,
    points: Vec<Point>,
    shown: Vec<Shown>,
    met: Vec<(String, String)>,
    /// Profiles whose gateway is frozen, or about to be.
    held: BTreeSet<String>,
    /// The volume is full: nothing can be recorded, and a gateway may not be able to start.
    full: bool,
    /// Profiles whose gateway ran when the last step began.
    ran: BTreeSet<String>,
    /// Where each boot was followed to its rest, and how many steps had begun by then.
    boots: Vec<(usize, u64, usize)>,
    begun: usize,
    /// Some step was not waited for.
    flown: bool,
    steps: usize,
    unseen: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(scenario: &'a Scenario, evidence: &'a CaseEvidence) -> Self {
        Self {
            scenario,
            evidence,
            intents: Intents::read(scenario, &evidence.history),
            now: Now::default(),
            points: Vec::new(),
            shown: vec![Shown::default(); scenario.steps.len()],
            met: Vec::new(),
            held: BTreeSet::new(),
            full: false,
            ran: BTreeSet::new(),
            boots: Vec::new(),
            begun: 0,
            flown: false,
            steps: 0,
            unseen: None,
        }
    }

    fn take(&mut self, observation: &Observation) {
        self.now.apply(observation);
        let seq = observation.seq;
        match &observation.fact {
            Fact::StepBegan { step, .. } => self.begins(*step),
            Fact::StepEnded { .. } => self.steps += 1,
            Fact::Container {
                change: ContainerChange::Started | ContainerChange::Died | ContainerChange::Destroyed,
                ..
            } if observation.container.is_none() => self.held.clear(),
            Fact::Mark { moment } if observation.source == Source::Harness => {
                if let Some(n) = number(&moment.0, "after:") {
                    self.after(n, seq);
                } else if let Some(n) = number(&moment.0, "boot:").filter(|_| !self.full) {
                    self.boots.push((n, seq, self.begun));
                } else if moment.0 == "end" {
                    self.end(seq);
                }
            }
            _ => {}
        }
    }

    fn step(&self, number: usize) -> Option<&'a Step> {
        self.scenario.steps.get(number.checked_sub(1)?)
    }

    fn begins(&mut self, number: usize) {
        self.begun = self.begun.max(number);
        let Some(step) = self.step(number) else { return };
        self.flown |= !step.wait;
        let profiles: Vec<String> = self.intents.profiles().map(str::to_owned).collect();
        let up = |name: &&String| self.now.running() && self.now.profile(name).up();
        self.ran = profiles.iter().filter(up).cloned().collect();
        for profile in &profiles {
            if step.container.is_some() {
                self.met.push((step.op.name().to_owned(), BESIDE.to_owned()));
            } else if addresses(step, profile) {
                let state = self.state(profile);
                self.met.push((step.op.name().to_owned(), state.to_owned()));
            }
        }
        match (&step.op, &step.profile) {
            (Operation::HoldAt { .. }, ProfileSel::One(name)) => {
                self.held.insert(name.clone());
            }
            (Operation::Release, _) => self.held.clear(),
            (Operation::Fill, _) => self.full = true,
            (Operation::Free, _) => self.full = false,
            _ => {}
        }
    }

    /// The state in which an operation meets a gateway.
    fn state(&self, profile: &str) -> &'static str {
        let p = self.now.profile(profile);
        if !self.now.running() {
            return "container exited";
        }
        if self.now.paused || self.held.contains(profile) && p.supervised().is_some() {
            return "frozen";
        }
        match &p.service {
            None => "no slot",
            Some((status, _)) if !status.slot => "no slot",
            Some((status, _)) if status.up => match p.own_word() {
                Some(word) if is_serving(word) && status.want_up => "up",
                Some("draining") => "draining",
                _ if !status.want_up => "going down",
                _ => "starting",
            },
            Some((status, _)) if status.want_up => "respawning",
            Some(_) if p.lives.is_empty() => "never started",
            Some(_) => "down",
        }
    }

    fn after(&mut self, number: usize, seq: u64) {
        let Some(step) = self.step(number) else { return };
        self.show(number, seq);
        let hurried = step.op.info().afterwards == Afterwards::Window;
        if self.full || !step.wait || hurried || !self.intents.quiet_at(seq) {
            return;
        }
        let at = Moment::After(number);
        let span = self.intents.spans.get(&number).cloned();
        let exit = span.and_then(|s| s.exit);
        if self.can_be_done(step, number)
            && let Some(code) = exit
        {
            let wanted = Value::Int(0);
            self.add(
                Kind::Command,
                at,
                seq,
                DEFAULT_PROFILE,
                Probe::StepExit,
                wanted,
                Value::Int(code),
            );
        }
        if !self.now.running() {
            return;
        }
        self.services(at, seq);
        self.recorded(step, number, exit, seq);
    }

    /// True if a command has all it needs: the profile is surely there, or surely not if it is to be created.
    fn can_be_done(&self, step: &Step, number: usize) -> bool {
        let Some(began) = self.intents.spans.get(&number).map(|s| s.began) else {
            return false;
        };
        let ProfileSel::One(name) = &step.profile else {
            return false;
        };
        let before = began.saturating_sub(1);
        let info = step.op.info();
        match info.intent {
            IntentEffect::Creates => self.intents.is_gone(name, began, before),
            IntentEffect::Keeps | IntentEffect::Up | IntentEffect::Down | IntentEffect::Deletes => {
                info.sender == Sender::Operator && !self.intents.possible(name, began, before).contains(&None)
            }
        }
    }

    /// What an explicit stop leaves behind is read by others, too: status displays, and releases that know no other intent.
    fn recorded(&mut self, step: &Step, number: usize, exit: Option<i64>, seq: u64) {
        if step.op.info().intent != IntentEffect::Down || exit != Some(0) || !self.intents.alone(number) {
            return;
        }
        for profile in self.ran.clone() {
            let stopped = addresses(step, &profile) && self.intents.wanted(&profile, seq, seq) == Some(Intent::Down);
            let down = self.now.profile(&profile).supervised().is_none();
            if !stopped || !down {
                continue;
            }
            // Releases before 0.17 record no `desired_state`: what is absent is not wrong.
            for probe in [Probe::StateGatewayState, Probe::StateDesiredState] {
                let found = probe::current(&self.now, probe, &profile, None);
                if let Some(found) = found.filter(|f| probe == Probe::StateGatewayState || *f != Value::absent()) {
                    let (at, wanted) = (Moment::After(number), Value::str("stopped"));
                    self.add(Kind::Unrecorded, at, seq, &profile, probe, wanted, found);
                }
            }
        }
    }

    fn end(&mut self, seq: u64) {
        let running = self.now.running();
        let found = Value::str(if running { "running" } else { "exited" });
        let wanted = Value::str("running");
        self.add(
            Kind::Container,
            Moment::End,
            seq,
            DEFAULT_PROFILE,
            Probe::Container,
            wanted,
            found,
        );
        if running {
            self.services(Moment::End, seq);
        }
        self.show(self.scenario.steps.len(), seq);
    }

    /// Each gateway is supervised exactly if it is wanted.
    fn services(&mut self, at: Moment, seq: u64) {
        for profile in self.intents.profiles().map(str::to_owned).collect::<Vec<_>>() {
            if self.held.contains(&profile) {
                continue;
            }
            if self.intents.is_gone(&profile, seq, seq) {
                if let Some(found) = probe::current(&self.now, Probe::Slot, &profile, None) {
                    self.add(
                        Kind::NotGone,
                        at,
                        seq,
                        &profile,
                        Probe::Slot,
                        Value::str("absent"),
                        found,
                    );
                }
                continue;
            }
            let Some(intent) = self.intents.wanted(&profile, seq, seq) else {
                continue;
            };
            let Some(found) = probe::current(&self.now, Probe::Service, &profile, None) else {
                self.unseen = Some(format!("nobody watched the supervisor at {at}"));
                continue;
            };
            self.twice(at, seq, &profile, intent);
            // A restart in flight returns before the gateway has even begun to go: what is on its way after that is no
            // fault yet.
            if found == Value::str("respawning") && self.flown {
                continue;
            }
            let (kind, wanted) = match intent {
                Intent::Up if found == Value::str("respawning") => (Kind::Restless, "up"),
                Intent::Up => (Kind::LostUp, "up"),
                Intent::Down => (Kind::LostDown, "down"),
            };
            self.add(kind, at, seq, &profile, Probe::Service, Value::str(wanted), found);
        }
    }

    /// With another container on the volume, there are no more gateways than are wanted.
    fn twice(&mut self, at: Moment, seq: u64, profile: &str, intent: Intent) {
        if self.scenario.sidecars.is_empty() {
            return;
        }
        let wanted = i64::from(intent == Intent::Up);
        // What the first container's own supervisor has is told by `service`: one that is missing, and one too many.
        let own = match probe::current(&self.now, Probe::ServiceProcesses, profile, None) {
            Some(Value::Int(own)) => own,
            _ => 0,
        };
        if let Some(Value::Int(found)) = probe::current(&self.now, Probe::GatewayProcesses, profile, None)
            && found > wanted.max(own)
        {
            let (wanted, found) = (Value::Int(wanted), Value::Int(found));
            self.add(Kind::Twice, at, seq, profile, Probe::GatewayProcesses, wanted, found);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn add(&mut self, kind: Kind, at: Moment, seq: u64, profile: &str, probe: Probe, wanted: Value, found: Value) {
        self.points.push(Point {
            kind,
            at,
            seq,
            begun: self.begun,
            profile: profile.to_owned(),
            what: probe.name().to_owned(),
            probe: Some(probe),
            wanted,
            found,
        });
    }

    fn show(&mut self, number: usize, seq: u64) {
        let mut shown = Shown::default();
        for profile in self.intents.profiles() {
            let intent = match (
                self.intents.wanted(profile, seq, seq),
                self.intents.is_gone(profile, seq, seq),
            ) {
                (Some(Intent::Up), _) => "up",
                (Some(Intent::Down), _) => "down",
                (None, true) => continue,
                (None, false) => "either",
            };
            shown.intent.push((profile.to_owned(), intent.to_owned()));
            if self.now.running()
                && let Some(found) = probe::current(&self.now, Probe::Service, profile, None)
            {
                shown.service.push((profile.to_owned(), found.to_string()));
            }
        }
        if let Some(there) = number.checked_sub(1).and_then(|i| self.shown.get_mut(i)) {
            *there = shown;
        }
    }

    fn finish(mut self) -> Trial {
        self.points.sort_by_key(|p| p.seq);
        let wrong = self.points.iter().find(|p| !p.holds()).cloned();
        let outcome = match (wrong, &self.evidence.end) {
            // Whatever was seen is not what was asked for: a fault overlay was not in force, say.
            (_, CaseEnd::Error(why)) => TrialOutcome::Inconclusive(why.clone()),
            // What was proven before evidence went missing stays proven.
            (Some(point), _) => TrialOutcome::Violated(Box::new(point)),
            (None, CaseEnd::Complete) => match self.unseen.take() {
                Some(why) => TrialOutcome::Inconclusive(why),
                None => TrialOutcome::Held,
            },
            (None, CaseEnd::Inconclusive(why) | CaseEnd::Unsupported(why) | CaseEnd::Stopped(why)) => {
                TrialOutcome::Inconclusive(why.clone())
            }
        };
        Trial {
            outcome,
            floor: floor(self.evidence),
            points: self.points,
            shown: self.shown,
            met: self.met,
            steps: self.steps,
            seconds: self.evidence.seconds,
        }
    }
}

fn number(moment: &str, prefix: &str) -> Option<usize> {
    moment.strip_prefix(prefix)?.parse().ok()
}

/// True if a step is about that profile; what engines do is about all.
fn addresses(step: &Step, profile: &str) -> bool {
    let all = step.op.is_for_all() || step.op.info().container.acts();
    all || match &step.profile {
        ProfileSel::One(name) => name == profile,
        ProfileSel::All => true,
    }
}
