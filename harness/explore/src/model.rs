//! The intent model: what may be done next, and what an operator wants after it.
//!
//! A reference machine as proptest-state-machine has it. It is optimistic: of operations that overlap, the last one counts.
//! That is good enough to say what is legal; what was wanted when is read off the history, in [`super::intent`].

use comeback_scenario::model::{DEFAULT_PROFILE, RestartPolicy};

/// Names of the profiles there can be, the default one first.
pub const PROFILES: [&str; 4] = [DEFAULT_PROFILE, "work", "night", "spare"];

/// What is there before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    /// How many of [`PROFILES`] exist.
    pub profiles: usize,
    /// The container's restart policy: `No` or `UnlessStopped`.
    pub restarts: bool,
}

impl Setting {
    /// The container's restart policy.
    pub fn policy(&self) -> RestartPolicy {
        if self.restarts {
            RestartPolicy::UnlessStopped
        } else {
            RestartPolicy::No
        }
    }
}

/// Something done by one operation.
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

/// A way of taking the container down and up again, the plainest first: shrinking goes from one to the one before it.
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
}

impl Outage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Restart,
        Self::StopStart,
        Self::Recreate,
        Self::InitTerm,
        Self::KillTerm,
        Self::RestartNoGrace,
        Self::Kill,
        Self::RecreateForce,
    ];

    /// True if the gateways are asked to go, and not just killed.
    pub fn asks(self) -> bool {
        self < Self::RestartNoGrace
    }
}

/// When an outage begins that interrupts something, the plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// When it is done and everything is at rest.
    Settled,
    /// At once, while it is in flight.
    InFlight,
    /// When the gateway's process has gone.
    Gone,
    /// With the gateway frozen in the state it goes through.
    Held,
}

/// What an outage interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// What is done.
    pub act: Act,
    /// To which profile.
    pub profile: usize,
    /// When it is interrupted.
    pub window: Window,
}

impl Cut {
    /// What is done, without the outage, and waited for.
    pub fn alone(self) -> Move {
        Move::Act {
            act: self.act,
            profile: self.profile,
            flight: false,
        }
    }
}

/// What is chosen at once, and taken away at once by shrinking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Move {
    /// One operation.
    Act {
        /// Which.
        act: Act,
        /// To which profile.
        profile: usize,
        /// The next one begins while it is in flight.
        flight: bool,
    },
    /// The volume says that this profile's gateway was running, and no more than that: a volume from before 0.17.0.
    Seeded {
        /// Which profile.
        profile: usize,
    },
    /// The container goes and comes again.
    Outage {
        /// How.
        how: Outage,
        /// What it interrupts.
        cut: Option<Cut>,
    },
}

/// What an operator wants of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// That it runs.
    Up,
    /// That it does not.
    Down,
}

/// The reference machine's state: of each profile, what is wanted; `None` if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// What was there before anything was done.
    pub setting: Setting,
    /// By position in [`PROFILES`].
    pub profiles: Vec<Option<Intent>>,
    /// The profile something is being done to while the next move begins.
    pub flying: Option<usize>,
    /// True until the container has been booted for what is done to it.
    pub pristine: bool,
}

impl World {
    /// Before anything is done. `most` profiles can exist.
    pub fn new(setting: Setting, most: usize) -> Self {
        let there = |i: usize| (i < setting.profiles).then_some(Intent::Down);
        Self {
            profiles: (0..most.max(setting.profiles)).map(there).collect(),
            setting,
            flying: None,
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

    /// Profiles whose gateway is wanted up.
    pub fn up(&self) -> Vec<usize> {
        (0..self.profiles.len()).filter(|p| self.is_up(*p)).collect()
    }

    /// Profiles that can be created.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.profiles.len()).filter(|p| self.intent(*p).is_none()).collect()
    }

    /// True if that can be done now.
    pub fn allows(&self, step: &Move) -> bool {
        match step {
            Move::Seeded { profile } => self.pristine && self.intent(*profile) == Some(Intent::Down),
            // What it leaves in between cannot be told from a crash, so it is not raced.
            Move::Act {
                act: Act::CtrlC,
                flight: true,
                ..
            } => false,
            Move::Act { act, profile, .. } => self.allows_act(*act, *profile),
            // The engine counts it as stopped by hand with some signals, and not with others.
            Move::Outage {
                how: Outage::KillTerm, ..
            } if self.setting.restarts => false,
            Move::Outage { cut: None, .. } => true,
            Move::Outage { how, cut: Some(cut) } => {
                // Whoever asks a frozen gateway to go needs a grace that runs out.
                let ends = cut.window != Window::Held
                    || !matches!(how, Outage::Recreate | Outage::InitTerm | Outage::KillTerm);
                ends && self.allows_cut(*cut)
            }
        }
    }

    /// True if something can be done, and interrupted there.
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
            // What a restart means for a gateway that is stopped is asked one at a time.
            Act::RestartAll => profile == 0 && self.existing().len() > 1 && self.up().len() == self.existing().len(),
        }
    }

    /// True if the gateway comes through that window.
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

    /// What is wanted after it.
    #[must_use]
    pub fn after(mut self, step: &Move) -> Self {
        match step {
            Move::Seeded { profile } => self.set(*profile, Some(Intent::Up)),
            Move::Act { act, profile, .. } => self.act(*act, *profile),
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
