//! A sequence of moves, as the steps of a scenario.

use std::time::Duration;

use super::model::{Act, Cut, Move, Outage, PROFILES, Setting, Window};
use comeback_scenario::model::{
    Operation, Probe, ProfileSel, RecreateHow, Recreation, Signal, Step, User, Value, ValueSet,
};

/// The default time between SIGTERM and SIGKILL of docker.
const GRACE: Duration = Duration::from_secs(10);
/// A grace that is meant to run out.
const SHORT_GRACE: Duration = Duration::from_secs(2);

/// An initial situation and the moves from there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// The situation before the first move.
    pub setting: Setting,
    /// The moves.
    pub moves: Vec<Move>,
}

impl Sequence {
    /// The sequence without moves.
    pub fn empty() -> Self {
        Self {
            setting: Setting {
                profiles: 1,
                restarts: false,
            },
            moves: Vec::new(),
        }
    }

    /// Its steps, each with the index of its move.
    pub fn steps(&self) -> Vec<(usize, Step)> {
        let mut steps = Vec::new();
        for (number, step) in self.moves.iter().enumerate() {
            steps.extend(self.of_move(step).into_iter().map(|step| (number, step)));
        }
        steps
    }

    /// Profiles whose gateway the volume records as running.
    pub fn seeded(&self) -> Vec<usize> {
        let seeded = self.moves.iter().filter_map(|m| match m {
            Move::Seeded { profile } => Some(*profile),
            _ => None,
        });
        seeded.collect()
    }

    /// Names of the operations, in order.
    pub fn operations(&self) -> Vec<&'static str> {
        self.steps().iter().map(|(_, step)| step.op.name()).collect()
    }

    fn of_move(&self, step: &Move) -> Vec<Step> {
        match step {
            Move::Seeded { .. } => Vec::new(),
            Move::Act { act, profile, flight } => vec![one(*act, *profile, !flight)],
            Move::Outage { how, cut: None } => self.outage(*how, GRACE),
            Move::Outage { how, cut: Some(cut) } => {
                let grace = if cut.window == Window::Held { SHORT_GRACE } else { GRACE };
                let mut steps = until(*cut);
                steps.extend(self.outage(*how, grace));
                steps
            }
        }
    }

    fn outage(&self, how: Outage, grace: Duration) -> Vec<Step> {
        let start = Operation::EngineStart;
        let ops = match how {
            Outage::Restart => vec![Operation::EngineRestart { grace }],
            Outage::StopStart => vec![Operation::EngineStop { grace }, start],
            Outage::Recreate => vec![again(RecreateHow::Stop)],
            // The engine restarts the container by itself.
            Outage::InitTerm if self.setting.restarts => vec![Operation::SignalInit { signal: Signal::Term }],
            Outage::InitTerm => vec![Operation::SignalInit { signal: Signal::Term }, start],
            Outage::KillTerm => vec![Operation::EngineKill { signal: Signal::Term }, start],
            Outage::RestartNoGrace => vec![Operation::EngineRestart { grace: Duration::ZERO }],
            Outage::Kill => vec![Operation::EngineKill { signal: Signal::Kill }, start],
            Outage::RecreateForce => vec![again(RecreateHow::Force)],
            Outage::Pause => vec![Operation::EnginePause, Operation::EngineUnpause],
            Outage::Full => vec![Operation::Fill, Operation::EngineRestart { grace }, Operation::Free],
        };
        ops.into_iter().map(|op| step(op, 0, true)).collect()
    }
}

/// The steps of an interrupted act, up to the point of the interruption.
fn until(cut: Cut) -> Vec<Step> {
    let wait = |probe, values: &[&str]| {
        let value = ValueSet(values.iter().map(|v| Value::str(*v)).collect());
        step(Operation::WaitUntil { probe, value }, cut.profile, true)
    };
    match cut.window {
        Window::Settled => vec![one(cut.act, cut.profile, true)],
        Window::InFlight => vec![one(cut.act, cut.profile, false)],
        Window::Gone => vec![
            one(cut.act, cut.profile, false),
            wait(Probe::Service, &["down", "respawning"]),
        ],
        Window::Held => {
            let state = if cut.act == Act::Start { "starting" } else { "draining" };
            let hold = Operation::HoldAt {
                state: state.to_owned(),
            };
            vec![
                step(hold, cut.profile, false),
                one(cut.act, cut.profile, false),
                wait(Probe::StateGatewayState, &[state]),
            ]
        }
    }
}

fn one(act: Act, profile: usize, wait: bool) -> Step {
    let signal = |signal| Operation::SignalGateway { signal };
    let op = match act {
        Act::Start => Operation::OperatorStart {
            all: false,
            force: false,
        },
        Act::Stop | Act::StopAsRoot => Operation::OperatorStop { all: false },
        Act::Restart => Operation::OperatorRestart { all: false },
        Act::StopAll => Operation::OperatorStop { all: true },
        Act::RestartAll => Operation::OperatorRestart { all: true },
        Act::Term => signal(Signal::Term),
        Act::Kill => signal(Signal::Kill),
        Act::Hup => signal(Signal::Hup),
        Act::RestartRequest => signal(Signal::Usr1),
        Act::CtrlC => Operation::CtrlC,
        Act::Create => Operation::ProfileCreate,
        Act::Delete => Operation::ProfileDelete,
    };
    let mut step = step(op, profile, wait);
    if act == Act::StopAsRoot {
        step.user = User::Root;
    }
    step
}

fn step(op: Operation, profile: usize, wait: bool) -> Step {
    Step {
        op,
        container: None,
        profile: ProfileSel::One(PROFILES[profile.min(PROFILES.len() - 1)].to_owned()),
        user: User::Hermes,
        wait,
    }
}

/// The same container made again.
fn again(how: RecreateHow) -> Operation {
    Operation::Recreate(Box::new(Recreation::plain(how)))
}
