//! What is known of an operation: who sends what to whom, what comes of it, and its words.

use super::{Key, Need, Shape};

/// One operation of the closed set. Nothing has a default: who declares one has to say all of it.
#[derive(Debug)]
pub struct OperationInfo {
    /// Its name and its parameters; those that every step takes are in [`super::COMMON`].
    pub shape: Shape,
    /// Who acts.
    pub sender: Sender,
    /// On whom.
    pub target: Target,
    /// Which signal gets there; empty if none does.
    pub signal: &'static str,
    /// What it does to the container's life.
    pub container: ContainerEffect,
    /// What it does to the gateway's process.
    pub process: ProcessEffect,
    /// What it does to the operator's intent.
    pub intent: IntentEffect,
    /// What happens between it and the next step.
    pub afterwards: Afterwards,
    /// How long it takes, roughly: cases begin in the order of their length.
    pub cost: Cost,
    /// What the host must offer for it.
    pub needs: &'static [Need],
    /// Whether `explore` makes sequences of it.
    pub exploring: Exploring,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// A step of it as a clause. `{who}`, `{gateway}`, `{whose}`, `{profile}` and its parameters are filled in.
    pub words: &'static str,
    /// A line of a scenario file that uses it.
    pub example: &'static str,
    /// Other names people try; only for suggestions.
    pub also: &'static [&'static str],
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A command of the operator, run in the container.
    Operator,
    /// The engine.
    Engine,
    /// The Compose tool.
    ComposeTool,
    /// A process in the container.
    Process,
    /// The kernel, for the container's memory.
    Kernel,
    /// The harness, from outside the container.
    Harness,
    /// The harness's agent in the container.
    HarnessInside,
}

impl Sender {
    /// Its name in the documentation.
    pub fn words(self) -> &'static str {
        match self {
            Self::Operator => "the operator, in the container",
            Self::Engine => "the engine",
            Self::ComposeTool => "the Compose tool",
            Self::Process => "a process in the container",
            Self::Kernel => "the kernel's OOM killer",
            Self::Harness => "the harness",
            Self::HarnessInside => "the harness, in the container",
        }
    }

    /// True if it is in the container: without one that runs, there is nobody to act.
    pub fn needs_container(self) -> bool {
        match self {
            Self::Operator | Self::Process | Self::Kernel | Self::HarnessInside => true,
            Self::Engine | Self::ComposeTool | Self::Harness => false,
        }
    }
}

/// On whom an operation acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The gateway's service, through its supervisor.
    Service,
    /// The gateway's process.
    Gateway,
    /// The container's first process.
    Init,
    /// The container.
    Container,
    /// The container, which has ended.
    ExitedContainer,
    /// The engine's daemon.
    Daemon,
    /// The volume.
    Volume,
    /// The volume and the supervisor.
    VolumeAndSupervisor,
    /// Nobody: time passes.
    Nobody,
}

impl Target {
    /// Its name in the documentation.
    pub fn words(self) -> &'static str {
        match self {
            Self::Service => "the gateway's service",
            Self::Gateway => "the gateway's process",
            Self::Init => "PID 1",
            Self::Container => "the container",
            Self::ExitedContainer => "the exited container",
            Self::Daemon => "the engine's daemon",
            Self::Volume => "the volume",
            Self::VolumeAndSupervisor => "the volume and the supervisor",
            Self::Nobody => "nobody",
        }
    }
}

/// What an operation does to the container's life. One that does anything is about every profile's gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerEffect {
    /// Nothing.
    Keeps,
    /// Ends it. A restart policy may start it again.
    Ends,
    /// Starts it.
    Starts,
    /// Ends it and starts it.
    Restarts,
    /// Removes it and starts another one.
    Recreates,
}

impl ContainerEffect {
    /// True if it ends the container, starts it, or both.
    pub fn acts(self) -> bool {
        self.ends() || self.starts()
    }

    /// True if the container ends.
    pub fn ends(self) -> bool {
        match self {
            Self::Ends | Self::Restarts | Self::Recreates => true,
            Self::Keeps | Self::Starts => false,
        }
    }

    /// True if it leads to a boot by itself.
    pub fn starts(self) -> bool {
        match self {
            Self::Starts | Self::Restarts | Self::Recreates => true,
            Self::Keeps | Self::Ends => false,
        }
    }
}

/// What an operation does to the gateway's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEffect {
    /// Nothing.
    Keeps,
    /// Ends it, or asks it to end.
    Ends,
    /// Puts something there that the process may end of: a marker is one.
    MayEnd,
    /// Asks none to end, and another one may serve afterwards.
    MayReplace,
}

impl ProcessEffect {
    /// True if the step is done to a gateway whose start is over. Measured: handling that is not final meets it before.
    pub fn wants_live(self) -> bool {
        match self {
            Self::Ends | Self::MayEnd => true,
            Self::Keeps | Self::MayReplace => false,
        }
    }

    /// True if `service.new_process` compares with the process before it.
    pub fn is_action(self) -> bool {
        match self {
            Self::Ends | Self::MayReplace => true,
            Self::Keeps | Self::MayEnd => false,
        }
    }
}

/// What an operation does to the operator's intent for a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentEffect {
    /// Nothing: what is wanted stays wanted.
    Keeps,
    /// The gateway is to run.
    Up,
    /// The gateway is to be down.
    Down,
    /// The profile is there, and its gateway is to be down.
    Creates,
    /// The profile is not there.
    Deletes,
}

impl IntentEffect {
    /// True if the step has to name a profile that is not the default one, which is always there.
    pub fn names_a_profile(self) -> bool {
        match self {
            Self::Creates | Self::Deletes => true,
            Self::Keeps | Self::Up | Self::Down => false,
        }
    }
}

/// What happens between a step and the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// All comes to rest.
    Rest,
    /// The next step follows at once: the step hit a window of time that the next one is to use.
    Window,
}

/// How long an operation takes, roughly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// That many seconds.
    Seconds(f64),
    /// The scenario's settling window.
    SettlingWindow,
}

/// Whether `explore` makes sequences of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exploring {
    /// It does: a move of `comeback_explore::sequence` leads to it.
    Generates,
    /// It does not, and why.
    Never(&'static str),
}

impl OperationInfo {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.shape.name
    }
}

/// A shape of that name with these keys.
pub(super) const fn shape(name: &'static str, keys: &'static [Key]) -> Shape {
    Shape { name, keys }
}
