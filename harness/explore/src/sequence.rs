//! A sequence of moves, as the steps of a scenario.

use std::time::Duration;

use super::model::{Act, Cut, Move, Outage, PROFILES, Second, Setting, Window};
use comeback_scenario::model::{
    ImageRef, Operation, Probe, ProfileSel, RecreateHow, Recreation, Signal, Step, User, Value, ValueSet,
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
            setting: Setting::plain(&[]),
            moves: Vec::new(),
        }
    }

    /// Its steps, each with the index of its move.
    pub fn steps(&self) -> Vec<(usize, Step)> {
        let mut steps = Vec::new();
        let mut second = None;
        for (number, step) in self.moves.iter().enumerate() {
            if let Move::SecondStarts(which) = step {
                second = Some(*which);
            }
            steps.extend(self.of_move(step, second).into_iter().map(|step| (number, step)));
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

    /// The second containers that it starts, each once.
    pub fn seconds(&self) -> Vec<Second> {
        let mut seconds: Vec<Second> = self
            .moves
            .iter()
            .filter_map(|m| match m {
                Move::SecondStarts(second) => Some(*second),
                _ => None,
            })
            .collect();
        seconds.sort_unstable();
        seconds.dedup();
        seconds
    }

    /// Names of the operations, in order.
    pub fn operations(&self) -> Vec<&'static str> {
        self.steps().iter().map(|(_, step)| step.op.name()).collect()
    }

    /// The steps of a move. `second` is the second container that was started last.
    fn of_move(&self, step: &Move, second: Option<Second>) -> Vec<Step> {
        let of_second = |op, second: Option<Second>| {
            let container = second.map(|second| second.name().to_owned());
            vec![Step {
                container,
                ..step_of(op, 0, true)
            }]
        };
        match step {
            Move::Seeded { .. } => Vec::new(),
            Move::SecondStarts(second) => of_second(Operation::EngineStart, Some(*second)),
            Move::SecondStops => of_second(Operation::EngineStop { grace: GRACE }, second),
            Move::Image(image) => {
                let named = image.checked_sub(1).and_then(|i| self.setting.others.get(i));
                let image = named.map_or(ImageRef::Subject, |name| ImageRef::Other(name.clone()));
                let recreation = Recreation {
                    image: Some(image),
                    ..Recreation::plain(RecreateHow::Stop)
                };
                vec![step_of(Operation::Recreate(Box::new(recreation)), 0, true)]
            }
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
        ops.into_iter().map(|op| step_of(op, 0, true)).collect()
    }
}

/// The steps of an interrupted act, up to the point of the interruption.
fn until(cut: Cut) -> Vec<Step> {
    let wait = |probe, values: &[&str]| {
        let value = ValueSet(values.iter().map(|v| Value::str(*v)).collect());
        step_of(Operation::WaitUntil { probe, value }, cut.profile, true)
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
                step_of(hold, cut.profile, false),
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
    let mut step = step_of(op, profile, wait);
    if act == Act::StopAsRoot {
        step.user = User::Root;
    }
    step
}

fn step_of(op: Operation, profile: usize, wait: bool) -> Step {
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
