//! The intent model: which moves are possible, and what an operator wants after each.
//!
//! A reference machine in the sense of proptest-state-machine. It is optimistic: if operations overlap, the last one
//! counts. That is good enough to decide which moves are legal. For the oracle, [`super::intent`] reads the intent off
//! the history.

use comeback_scenario::model::{DEFAULT_PROFILE, RestartPolicy};

/// Names of the profiles that can exist, the default profile first.
pub const PROFILES: [&str; 4] = [DEFAULT_PROFILE, "work", "night", "spare"];

/// The situation before the first move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    /// How many of [`PROFILES`] exist.
    pub profiles: usize,
    /// The container's restart policy: `No` or `UnlessStopped`.
    pub restarts: bool,
    /// Other images that the container may be made again from, as image expressions.
    pub others: Vec<String>,
}

impl Setting {
    /// One profile, without a restart policy.
    pub fn plain(others: &[String]) -> Self {
        Self {
            profiles: 1,
            restarts: false,
            others: others.to_vec(),
        }
    }

    /// The container's restart policy.
    pub fn policy(&self) -> RestartPolicy {
        if self.restarts {
            RestartPolicy::UnlessStopped
        } else {
            RestartPolicy::No
        }
    }
}

/// An act on a gateway or all gateways, by one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Act {
    Start,
    Stop,
    StopAsRoot,
    Restart,
    Term,
    Kill,
    Hup,
    RestartRequest,
    CtrlC,
    Create,
    Delete,
    StopAll,
    RestartAll,
}

/// A way to interrupt what the container does, the simplest first: most take it down and up again. Shrinking replaces one by an
/// earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Outage {
    Restart,
    StopStart,
    Recreate,
    InitTerm,
    KillTerm,
    RestartNoGrace,
    Kill,
    RecreateForce,
    /// It is frozen and goes on.
    Pause,
    /// It is restarted while the volume is full, and then there is room again.
    Full,
}

/// A second container on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Second {
    /// It runs a command of its own, and no init.
    Idle,
    /// It boots as the image does.
    Boots,
}

impl Second {
    /// Its name in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Boots => "second",
        }
    }
}

/// What an outage does to the gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// They are asked to shut down before they are killed.
    Asked,
    /// They are killed.
    Killed,
    /// They are frozen and go on.
    Frozen,
    /// They are asked to shut down, and cannot write.
    Full,
}

impl Outage {
    /// All ways, the simplest first.
    pub const ALL: [Self; 10] = [
        Self::Restart,
        Self::StopStart,
        Self::Recreate,
        Self::InitTerm,
        Self::KillTerm,
        Self::RestartNoGrace,
        Self::Kill,
        Self::RecreateForce,
        Self::Pause,
        Self::Full,
    ];

    /// What it does to the gateways.
    pub fn manner(self) -> Manner {
        match self {
            Self::Restart | Self::StopStart | Self::Recreate | Self::InitTerm | Self::KillTerm => Manner::Asked,
            Self::RestartNoGrace | Self::Kill | Self::RecreateForce => Manner::Killed,
            Self::Pause => Manner::Frozen,
            Self::Full => Manner::Full,
        }
    }
}

/// When an outage interrupts an act, the simplest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// After the act, when everything is at rest.
    Settled,
    /// At once, while the act is in flight.
    InFlight,
    /// When the gateway's process has gone.
    Gone,
    /// With the gateway frozen in its intermediate state.
    Held,
}

/// An act that an outage interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// The act.
    pub act: Act,
    /// The profile, as a position in [`PROFILES`].
    pub profile: usize,
    /// When it is interrupted.
    pub window: Window,
}

impl Cut {
    /// The act without the outage, waited for.
    pub fn alone(self) -> Move {
        Move::Act {
            act: self.act,
            profile: self.profile,
            flight: false,
        }
    }
}

/// A unit of a sequence: it is generated as one, and removed as one by shrinking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Move {
    /// One operation.
    Act {
        /// The act.
        act: Act,
        /// The profile, as a position in [`PROFILES`].
        profile: usize,
        /// True if the next move begins while it is in flight.
        flight: bool,
    },
    /// The volume records this profile's gateway as running, without a desired state: a volume from before 0.17.0.
    Seeded {
        /// The profile, as a position in [`PROFILES`].
        profile: usize,
    },
    /// A second container on the volume starts.
    SecondStarts(Second),
    /// The second container stops.
    SecondStops,
    /// The container is made again from another image: 0 is the one under test, N the Nth of the other ones.
    Image(usize),
    /// The container goes down and comes up again.
    Outage {
        /// The way.
        how: Outage,
        /// The act it interrupts.
        cut: Option<Cut>,
    },
}

/// What an operator wants of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// It should run.
    Up,
    /// It should not run.
    Down,
}

/// The state of the reference machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The situation before the first move.
    pub setting: Setting,
    /// The intent for each profile, by position in [`PROFILES`]; `None` if the profile does not exist.
    pub profiles: Vec<Option<Intent>>,
    /// The profile of an act that is still in flight when the next move begins.
    pub flying: Option<usize>,
    /// The second container that runs.
    pub second: Option<Second>,
    /// The image of the container: 0 is the one under test, N the Nth of the other ones.
    pub image: usize,
    /// True until the first move that needs a running container.
    pub pristine: bool,
}

impl World {
    /// The state before the first move. `most` profiles can exist.
    pub fn new(setting: Setting, most: usize) -> Self {
        let there = |i: usize| (i < setting.profiles).then_some(Intent::Down);
        Self {
            profiles: (0..most.max(setting.profiles)).map(there).collect(),
            setting,
            flying: None,
            second: None,
            image: 0,
            pristine: true,
        }
    }

    fn intent(&self, profile: usize) -> Option<Intent> {
        self.profiles.get(profile).copied().flatten()
    }

    fn is_up(&self, profile: usize) -> bool {
        self.intent(profile) == Some(Intent::Up)
    }

    /// Profiles that exist.
    pub fn existing(&self) -> Vec<usize> {
        (0..self.profiles.len()).filter(|p| self.intent(*p).is_some()).collect()
    }

    /// Profiles whose gateway should run.
    pub fn up(&self) -> Vec<usize> {
        (0..self.profiles.len()).filter(|p| self.is_up(*p)).collect()
    }

    /// Profiles that can be created.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.profiles.len()).filter(|p| self.intent(*p).is_none()).collect()
    }

    /// True if the move is possible now.
    pub fn allows(&self, step: &Move) -> bool {
        match step {
            Move::Seeded { profile } => self.pristine && self.intent(*profile) == Some(Intent::Down),
            // While Ctrl-C is in flight, its effect looks like a crash, so nothing races with it.
            Move::Act {
                act: Act::CtrlC,
                flight: true,
                ..
            } => false,
            Move::Act { act, profile, .. } => self.allows_act(*act, *profile),
            Move::SecondStarts(_) => self.second.is_none(),
            Move::SecondStops => self.second.is_some(),
            Move::Image(image) => *image != self.image && *image <= self.setting.others.len(),
            // Whether the restart policy applies after `kill` depends on the signal and the engine.
            Move::Outage {
                how: Outage::KillTerm, ..
            } if self.setting.restarts => false,
            Move::Outage { cut: None, .. } => true,
            Move::Outage { how, cut: Some(cut) } => {
                // A frozen gateway does not shut down when asked, so the outage must have a grace that runs out.
                let ends = cut.window != Window::Held
                    || !matches!(
                        how,
                        Outage::Recreate | Outage::InitTerm | Outage::KillTerm | Outage::Pause
                    );
                ends && self.allows_cut(*cut)
            }
        }
    }

    /// True if the act is possible now and can be interrupted in that window.
    pub fn allows_cut(&self, cut: Cut) -> bool {
        self.allows_act(cut.act, cut.profile) && self.has_window(cut)
    }

    fn allows_act(&self, act: Act, profile: usize) -> bool {
        let exists = self.intent(profile).is_some();
        match act {
            Act::Start | Act::Stop | Act::StopAsRoot | Act::Restart => exists,
            Act::Term | Act::Kill | Act::Hup | Act::RestartRequest | Act::CtrlC => self.is_up(profile),
            Act::Create => profile > 0 && !exists && profile < self.profiles.len(),
            Act::Delete => profile > 0 && exists,
            Act::StopAll => profile == 0 && self.existing().len() > 1,
            // The effect of a restart on a stopped gateway is tested with one gateway at a time.
            Act::RestartAll => profile == 0 && self.existing().len() > 1 && self.up().len() == self.existing().len(),
        }
    }

    /// True if the gateway passes through that window.
    fn has_window(&self, cut: Cut) -> bool {
        let goes =
            matches!(cut.act, Act::Stop | Act::Restart | Act::Term | Act::RestartRequest) && self.is_up(cut.profile);
        let comes = cut.act == Act::Start && self.intent(cut.profile) == Some(Intent::Down);
        match cut.window {
            Window::Settled | Window::InFlight => true,
            Window::Gone => goes,
            Window::Held => goes || comes,
        }
    }

    /// The state after the move.
    #[must_use]
    pub fn after(mut self, step: &Move) -> Self {
        match step {
            Move::Seeded { profile } => self.set(*profile, Some(Intent::Up)),
            Move::Act { act, profile, .. } => self.act(*act, *profile),
            Move::SecondStarts(second) => self.second = Some(*second),
            Move::SecondStops => self.second = None,
            Move::Image(image) => self.image = *image,
            Move::Outage { cut, .. } => {
                if let Some(cut) = cut {
                    self.act(cut.act, cut.profile);
                }
            }
        }
        self.flying = match step {
            Move::Act {
                profile, flight: true, ..
            } => Some(*profile),
            _ => None,
        };
        self.pristine &= matches!(step, Move::Seeded { .. });
        self
    }

    fn act(&mut self, act: Act, profile: usize) {
        match act {
            Act::Start | Act::Restart => self.set(profile, Some(Intent::Up)),
            Act::Stop | Act::StopAsRoot | Act::Create => self.set(profile, Some(Intent::Down)),
            Act::Delete => self.set(profile, None),
            Act::RestartAll => self.set_all(Intent::Up),
            Act::StopAll => self.set_all(Intent::Down),
            Act::Term | Act::Kill | Act::Hup | Act::RestartRequest | Act::CtrlC => {}
        }
    }

    fn set(&mut self, profile: usize, intent: Option<Intent>) {
        if let Some(there) = self.profiles.get_mut(profile) {
            *there = intent;
        }
    }

    fn set_all(&mut self, intent: Intent) {
        for there in self.profiles.iter_mut().flatten() {
            *there = intent;
        }
    }
}
