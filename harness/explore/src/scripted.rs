//! A gateway that is made up: it does what a scenario's steps say, yields a history as the real one does, and can have a fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::file::{self, Words};
use super::hunt::{Purpose, TrialRequest, TrialRunner};
use super::model::Second;
use super::oracle;
use super::trial::Trial;
use comeback_gateway::state::{GATEWAY_STATE, PID, RUNNING, START_TIME};
use comeback_gateway::supervisor;
use comeback_history::facts::{
    CaseEnd, CaseEvidence, ContainerChange, Fact, FileContent, MomentName, Observation, SETTLING, ServiceStatus, Source,
};
use comeback_scenario::model::{
    DEFAULT_PROFILE, ImageRef, Moment, Operation, ProfileSel, RecreateHow, Scenario, Signal, StartBy, Step,
};
use comeback_scenario::vocabulary::IntentEffect;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// What is asked to go persists `stopped`, whoever asks: #42675.
    EveryShutdownIsAStop,
    /// A stop of one profile's gateway is one of every gateway's, at the next boot.
    StopsTheNeighbour,
    /// A stop that meets a signal in flight is undone by the respawn.
    RespawnUndoesTheStop,
    /// The third boot starts nothing.
    ForgetsAtTheThirdBoot,
    /// A gateway that is killed as it drains stays down.
    DrainingStaysDown,
    /// A stop leaves `running` on the volume.
    StopIsNotRecorded,
    /// After a profile was deleted, the reconciler writes no lines.
    SilentAfterDelete,
    /// A gateway that is killed twice is not respawned.
    TiredOfRespawning,
    /// A second container that boots starts the gateways that run in the first one.
    SecondStartsAnother,
    /// The reconciler of another image starts nothing.
    OtherImageStartsNothing,
}

/// Runs sequences on it.
pub struct ScriptedTrials {
    /// What is wrong with the gateway.
    pub fault: Fault,
}

impl TrialRunner for ScriptedTrials {
    async fn run(self: Arc<Self>, request: TrialRequest) -> Trial {
        let words = Words {
            title: "a sequence",
            why: "",
            settle: std::time::Duration::from_secs(2),
            overlay: None,
            rows: &[],
        };
        let text = match &request.purpose {
            Purpose::Repeat(finding, _) => file::of_finding(finding, "a made up one", 1, None, words.settle),
            Purpose::Try(_) | Purpose::Shrink(..) => file::text(&request.sequence, &words),
        };
        match file::scenario("made-up", &text) {
            Ok(scenario) => oracle::judge(&scenario, &Gateway::play(&scenario, self.fault)),
            Err(why) => panic!("{why}\n{text}"),
        }
    }

    fn width(&self) -> usize {
        2
    }

    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

#[derive(Debug, Clone, Default)]
struct Profile {
    state: Option<&'static str>,
    pid: Option<u32>,
    slot: bool,
    down_file: bool,
    wanted: bool,
    frozen: bool,
    kills: usize,
}

struct Gateway {
    history: Vec<Observation>,
    fault: Fault,
    profiles: BTreeMap<String, Profile>,
    clock: i64,
    boots: usize,
    pids: u32,
    neighbour_stopped: bool,
    deleted: bool,
    restarts: bool,
    other_image: bool,
    /// The other container that the next facts are about.
    told_of: Option<String>,
}

impl Gateway {
    fn play(scenario: &Scenario, fault: Fault) -> CaseEvidence {
        let profile = |p: &comeback_scenario::model::Profile| {
            let state = (p.start == StartBy::Reconcile).then_some(RUNNING);
            (
                p.name.clone(),
                Profile {
                    state,
                    ..Profile::default()
                },
            )
        };
        let mut gateway = Self {
            history: Vec::new(),
            fault,
            profiles: scenario.profiles.iter().map(profile).collect(),
            clock: 0,
            boots: 0,
            pids: 100,
            neighbour_stopped: false,
            deleted: false,
            other_image: false,
            told_of: None,
            restarts: scenario.start.policy != comeback_scenario::model::RestartPolicy::No,
        };
        gateway.boot();
        gateway.mark(Moment::Start);
        gateway.steps(&scenario.steps);
        gateway.named(MomentName(SETTLING.to_owned()));
        gateway.mark(Moment::End);
        CaseEvidence {
            scenario: scenario.id.clone(),
            image: "a made up one".to_owned(),
            attempt: 1,
            repeat: 1,
            started: Timestamp::UNIX_EPOCH,
            clock: None,
            seconds: 1.0,
            end: CaseEnd::Complete,
            steps: Vec::new(),
            latencies_ms: Vec::new(),
            history: gateway.history,
            logs: BTreeMap::new(),
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_665_000 + self.clock).unwrap_or_default()
    }

    fn push(&mut self, source: Source, fact: Fact) {
        self.clock += 10;
        let at = self.time();
        self.history.push(Observation {
            container: self.told_of.clone(),
            seq: self.history.len() as u64,
            at: Some(at),
            known: at,
            source,
            fact,
        });
    }

    fn mark(&mut self, moment: Moment) {
        self.named(MomentName::from(moment));
    }

    fn named(&mut self, moment: MomentName) {
        self.push(Source::Harness, Fact::Mark { moment });
    }

    /// A step in flight is done when the next one has begun, or dies with the container.
    fn steps(&mut self, steps: &[Step]) {
        let mut flying: Vec<usize> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let op = step.op.kind();
            self.push(
                Source::Harness,
                Fact::StepBegan {
                    step: index + 1,
                    op,
                    delay_ms: None,
                },
            );
            if !step.wait {
                flying.push(index);
                continue;
            }
            let signalled = |i: &usize| {
                matches!(steps[*i].op, Operation::SignalGateway { .. }) && steps[*i].profile == step.profile
            };
            let stops = step.op.info().intent == IntentEffect::Down;
            let overtaken = self.fault == Fault::RespawnUndoesTheStop && stops && flying.iter().any(signalled);
            let held = flying.iter().any(|i| matches!(steps[*i].op, Operation::HoldAt { .. }));
            for earlier in std::mem::take(&mut flying) {
                let killed = step.op.info().container.ends() || held;
                if held && !matches!(step.op, Operation::WaitUntil { .. }) {
                    continue;
                }
                let exit = self.command(&steps[earlier]);
                if !killed {
                    self.act(&steps[earlier]);
                } else if let Operation::HoldAt { state } = &steps[earlier].op {
                    let state = if state == "draining" { "draining" } else { "starting" };
                    self.freeze(&steps[earlier].profile, state);
                }
                self.ended(earlier, if killed { Some(137) } else { exit });
            }
            let exit = self.command(step);
            if !overtaken {
                self.act(step);
            }
            self.ended(index, exit);
            self.mark(Moment::After(index + 1));
        }
        for earlier in flying {
            let exit = self.command(&steps[earlier]);
            self.act(&steps[earlier]);
            self.ended(earlier, exit);
        }
    }

    /// What a command returns: there is nothing to be done to a profile that is not there.
    fn command(&self, step: &Step) -> Option<i64> {
        let ProfileSel::One(name) = &step.profile else {
            return Some(0);
        };
        let there = self.profiles.contains_key(name);
        let good = (step.op.info().intent == IntentEffect::Creates) != there;
        Some(i64::from(!good))
    }

    fn ended(&mut self, index: usize, exit: Option<i64>) {
        let fact = Fact::StepEnded {
            step: index + 1,
            exit,
            output: String::new(),
            note: None,
            came_true: None,
        };
        self.push(Source::Harness, fact);
    }

    fn freeze(&mut self, whose: &ProfileSel, state: &'static str) {
        let ProfileSel::One(name) = whose else { return };
        if state == "starting" {
            self.up(name);
        }
        if let Some(p) = self.profiles.get_mut(name) {
            p.frozen = true;
        }
        self.writes(name, state);
    }

    fn act(&mut self, step: &Step) {
        let all: Vec<String> = self.profiles.keys().cloned().collect();
        let one = match &step.profile {
            ProfileSel::One(name) => vec![name.clone()],
            ProfileSel::All => all.clone(),
        };
        let whom = |all_of_them: bool| if all_of_them { all.clone() } else { one.clone() };
        if let Some(name) = &step.container {
            return self.second(name, step.op == Operation::EngineStart);
        }
        match &step.op {
            Operation::OperatorStart { all, .. } | Operation::OperatorRestart { all } => {
                whom(*all).iter().for_each(|name| self.up(name));
            }
            Operation::OperatorStop { all } => whom(*all).iter().for_each(|name| self.stop(name)),
            Operation::SignalGateway { .. } | Operation::CtrlC => one.iter().for_each(|name| self.dies(name)),
            Operation::ProfileCreate => {
                for name in &one {
                    let down = Profile {
                        slot: true,
                        down_file: true,
                        ..Profile::default()
                    };
                    self.profiles.insert(name.clone(), down);
                    self.tell(name);
                }
            }
            Operation::ProfileDelete => {
                for name in &one {
                    self.profiles.remove(name);
                    self.deleted = true;
                    let fact = Fact::Service {
                        profile: name.clone(),
                        status: ServiceStatus::default(),
                    };
                    self.push(Source::Agent, fact);
                }
            }
            Operation::EngineRestart { grace } => {
                self.container_ends(!grace.is_zero());
                self.boot();
            }
            Operation::EngineStop { .. } => self.container_ends(true),
            Operation::EngineKill { signal } => self.container_ends(*signal == Signal::Term),
            Operation::SignalInit { .. } => {
                self.container_ends(true);
                if self.restarts {
                    self.boot();
                }
            }
            Operation::EngineStart => self.boot(),
            Operation::Recreate(recreation) => {
                if let Some(image) = &recreation.image {
                    self.other_image = *image != ImageRef::Subject;
                }
                self.container_ends(recreation.how == RecreateHow::Stop);
                self.boot();
            }
            Operation::EnginePause => self.push(Source::Engine, container(ContainerChange::Paused, None)),
            Operation::EngineUnpause => self.push(Source::Engine, container(ContainerChange::Unpaused, None)),
            // No sequence has these, or they change nothing by themselves.
            Operation::ComposeRecreate
            | Operation::OperatorRun { .. }
            | Operation::OperatorStatus
            | Operation::DaemonRestart
            | Operation::Fill
            | Operation::Free
            | Operation::ProfileUse
            | Operation::OomGateway
            | Operation::Stamp(_)
            | Operation::WaitUntil { .. }
            | Operation::HoldAt { .. }
            | Operation::Release
            | Operation::Settle => {}
        }
    }

    /// A second container starts or stops.
    fn second(&mut self, name: &str, starts: bool) {
        self.told_of = Some(name.to_owned());
        if starts {
            self.watched();
            let another = self.fault == Fault::SecondStartsAnother && name == Second::Boots.name();
            self.tell_gateways(|p| another && p.pid.is_some());
        } else {
            self.push(Source::Engine, container(ContainerChange::Died, None));
        }
        self.told_of = None;
    }

    /// A container has started, and its agent watches it.
    fn watched(&mut self) {
        self.clock += 10;
        let started_at = Some(self.time());
        self.push(Source::Engine, container(ContainerChange::Started, started_at));
        let ready = Fact::Ready {
            started_at,
            init_start: Some(1),
            init: Some(supervisor::PROCESS.into()),
        };
        self.push(Source::Agent, ready);
    }

    fn up(&mut self, name: &str) {
        self.pids += 1;
        let pid = self.pids;
        let Some(p) = self.profiles.get_mut(name) else { return };
        p.wanted = true;
        p.down_file = false;
        if p.pid.is_some() {
            return;
        }
        p.pid = Some(pid);
        self.tell(name);
        self.writes(name, RUNNING);
    }

    fn stop(&mut self, name: &str) {
        let Some(p) = self.profiles.get_mut(name) else { return };
        p.wanted = false;
        p.down_file = true;
        if name != DEFAULT_PROFILE && self.fault == Fault::StopsTheNeighbour {
            self.neighbour_stopped = true;
        }
        if self.profiles[name].pid.is_some() && self.fault != Fault::StopIsNotRecorded {
            self.writes(name, "stopped");
        }
        if let Some(p) = self.profiles.get_mut(name) {
            p.pid = None;
        }
        self.tell(name);
    }

    /// Its process ends; the supervisor brings it back.
    fn dies(&mut self, name: &str) {
        let Some(p) = self.profiles.get_mut(name).filter(|p| p.pid.is_some()) else {
            return;
        };
        p.pid = None;
        p.kills += 1;
        let tired = self.fault == Fault::TiredOfRespawning && p.kills > 1;
        self.tell(name);
        if !tired {
            self.up(name);
        }
    }

    /// The gateways are asked to go, or just killed.
    fn container_ends(&mut self, asked: bool) {
        for name in self.profiles.keys().cloned().collect::<Vec<_>>() {
            let p = &self.profiles[&name];
            let persists = self.fault == Fault::EveryShutdownIsAStop && asked && p.pid.is_some() && !p.frozen;
            if persists {
                self.writes(&name, "stopped");
            }
            if let Some(p) = self.profiles.get_mut(&name) {
                p.pid = None;
                p.frozen = false;
                p.kills = 0;
            }
        }
        self.push(Source::Engine, container(ContainerChange::Died, None));
    }

    fn boot(&mut self) {
        self.boots += 1;
        self.watched();
        for name in self.profiles.keys().cloned().collect::<Vec<_>>() {
            let state = self.profiles[&name].state;
            let lost = (self.fault == Fault::ForgetsAtTheThirdBoot && self.boots == 3)
                || (self.neighbour_stopped && name == DEFAULT_PROFILE)
                || (self.fault == Fault::OtherImageStartsNothing && self.other_image)
                || (self.fault == Fault::DrainingStaysDown && state == Some("draining"));
            let starts = self.starts(&name) && !lost;
            if !(self.fault == Fault::SilentAfterDelete && self.deleted) {
                let line = Fact::BootLine {
                    profile: name.clone(),
                    prior_state: state.map(str::to_owned),
                    action: if starts { "started" } else { "registered" }.to_owned(),
                    line: String::new(),
                };
                self.push(Source::Observer, line);
            }
            if let Some(p) = self.profiles.get_mut(&name) {
                p.slot = true;
                p.down_file = !starts;
            }
            self.tell(&name);
            if starts {
                self.up(&name);
            }
        }
        self.mark(Moment::Boot(self.boots));
    }

    /// What the volume says, as one that keeps what is wanted apart from what is.
    fn starts(&self, name: &str) -> bool {
        let p = &self.profiles[name];
        match (self.fault, p.state) {
            (Fault::EveryShutdownIsAStop, state) => state == Some(RUNNING),
            (_, None) => false,
            (_, Some(_)) => p.wanted || self.boots == 1,
        }
    }

    fn writes(&mut self, name: &str, state: &'static str) {
        let Some(p) = self.profiles.get_mut(name) else { return };
        p.state = Some(state);
        let pid = p.pid.unwrap_or(1);
        let content = json!({GATEWAY_STATE: state, PID: pid, START_TIME: u64::from(pid)});
        let fact = Fact::State {
            profile: name.to_owned(),
            content: FileContent::Json {
                value: content.as_object().cloned().unwrap_or_default(),
            },
        };
        self.push(Source::Observer, fact);
    }

    fn tell(&mut self, name: &str) {
        let p = &self.profiles[name];
        let status = ServiceStatus {
            slot: p.slot,
            down_file: p.down_file,
            up: p.pid.is_some(),
            want_up: p.pid.is_some(),
            pid: p.pid,
            start_time: p.pid.map(u64::from),
            processes: u32::from(p.pid.is_some()),
            deaths: Vec::new(),
        };
        let profile = name.to_owned();
        self.push(Source::Agent, Fact::Service { profile, status });
        self.tell_gateways(|p| p.pid.is_some());
    }

    fn tell_gateways(&mut self, runs: impl Fn(&Profile) -> bool) {
        let running = |(name, p): (&String, &Profile)| (name.clone(), u32::from(runs(p)));
        let processes = self.profiles.iter().map(running).collect();
        self.push(Source::Agent, Fact::Gateways { processes });
    }
}

fn container(change: ContainerChange, started_at: Option<Timestamp>) -> Fact {
    Fact::Container {
        change,
        started_at,
        exit: (change == ContainerChange::Died).then_some(0),
    }
}
